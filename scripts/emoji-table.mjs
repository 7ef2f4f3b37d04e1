#!/usr/bin/env node
// scripts/emoji-table PACKAGE > rows for src/text/emoji.cpp
// GitHub's names of emoji from the npm package gemoji 8.1.0 (MIT). Run by hand when it changes.
import { pathToFileURL } from 'node:url';
const { gemoji } = await import(pathToFileURL(process.argv[2] + '/index.js'));
const rows = gemoji.flatMap(({ emoji, names }) => names.map((name) => [name, emoji]));
rows.sort((a, b) => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])));
for (const [name, emoji] of rows) console.log(`    {"${name}", "${emoji}"},`);
