#!/usr/bin/env node
// scripts/emoji-table PACKAGE > rows for src/text/emoji.cpp
// GitHub's names of emoji from the npm package gemoji 8.1.0 (MIT). Run by hand when it changes.
import { pathToFileURL } from 'node:url';
const { gemoji } = await import(pathToFileURL(process.argv[2] + '/index.js'));
const rows = gemoji.flatMap(({ emoji, names }) => names.map((name) => `${name} ${emoji}\\n`));
rows.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
let line = '';
for (const row of rows) {
  if (Buffer.byteLength(line + row) > 110) {
    console.log(`    "${line}"`);
    line = '';
  }
  line += row;
}
console.log(`    "${line}";`);
