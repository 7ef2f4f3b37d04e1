// Goal: the example site is good for a person: it loads without errors, reads without a script, has no accessibility
// violation in light or dark, and fits a narrow screen.
// Method: the real binary on a free port, Chromium through playwright-core, axe-core in each page.
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const top = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const require = createRequire(path.join(top, 'build/browser/'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const weir = process.env.WEIR ?? path.join(top, 'build/weir');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
const listening = async (port) => {
  for (let i = 0; i < 300; i++) {
    const ok = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
      socket.on('error', () => resolve(false));
    });
    if (ok) return;
    await new Promise((r) => setTimeout(r, 50));
  }
  throw new Error('weir did not listen');
};

let cases = 0, failed = 0, checks = 0;
const check = (condition, what) => {
  checks++;
  if (!condition) throw new Error(what);
};
const test = async (name, body) => {
  cases++;
  try {
    await body();
  } catch (error) {
    failed++;
    console.log(`FAILED: ${name}\n  ${error.message}`);
  }
};

const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const store = mkdtempSync(path.join(os.tmpdir(), 'weir-browser-'));
const site = ['--root', path.join(top, 'content-example')];
// Links are absolute: the build must know the address.
const built = spawnSync(weir, [...site, 'build', '--store', store, '--no-export', '--base-url', origin], { encoding: 'utf8' });
if (built.status !== 0) throw new Error(`weir build: ${built.stderr}`);
const server = spawn(weir, [...site, 'serve', '--store', store, '--listen', `127.0.0.1:${port}`], { stdio: 'ignore' });
let browser;
try {
  await listening(port);
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: flags });
  const pages = [
    ['/', 200, 'Lowwater', 'What the river did this week'],
    ['/journal/', 200, 'Journal', 'Journal'],
    ['/journal/page/2/', 200, 'Journal', 'Journal'],
    ['/journal/frost-on-the-gauge/', 200, 'Frost on the gauge', 'Frost on the gauge'],
    ['/handbook/', 200, 'Handbook', 'Handbook'],
    ['/handbook/flood-levels/', 200, 'Flood levels', 'Flood levels'],
    ['/tags/', 200, 'Tags', 'Tags'],
    ['/tags/repair/', 200, 'repair', 'repair'],
    ['/now/', 200, 'River now', 'River now'],
    ['/no/such/page/', 404, 'Not found', 'Nothing here'],
  ];
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ colorScheme, viewport: { width: 1200, height: 800 } });
    for (const [address, status, title, h1] of pages) {
      await test(`${address} in ${colorScheme}: loads clean and has no accessibility violation`, async () => {
        const page = await context.newPage();
        const noise = [], requests = [];
        page.on('console', (m) => { if (m.type() === 'error' && !m.text().includes('status of 404')) noise.push(m.text()); });
        page.on('pageerror', (e) => noise.push(e.message));
        page.on('request', (r) => { if (!r.url().startsWith('data:')) requests.push(r.url()); });
        const response = await page.goto(origin + address);
        check(response.status() === status, `status ${response.status()}, expected ${status}`);
        check((await page.title()).includes(title), `title "${await page.title()}" lacks "${title}"`);
        check((await page.textContent('h1')).trim() === h1, `h1 is "${await page.textContent('h1')}"`);
        check(noise.length === 0, `console: ${noise.join('; ')}`);
        check(requests.length === 1, `one request was expected, these were made: ${requests.join(' ')}`);
        check((await page.$$('script')).length === 0, 'there is a script in the page');
        const size = await page.evaluate(() => performance.getEntriesByType('navigation')[0].encodedBodySize);
        check(size <= 14 * 1024, `${size} bytes on the wire, more than 14 KiB`);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run());
        check(violations.length === 0, violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`).join('; '));
        await page.close();
      });
    }
    await context.close();
  }
  await test('the switch between light and dark works without a script', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, colorScheme: 'light' });
    const page = await context.newPage();
    await page.goto(origin + '/');
    const before = (await page.screenshot({ clip: { x: 5, y: 400, width: 4, height: 4 } })).toString('base64');
    await page.click('label.scheme');
    const after = (await page.screenshot({ clip: { x: 5, y: 400, width: 4, height: 4 } })).toString('base64');
    check(before !== after, 'the background did not change');
    await context.close();
  });
  await test('a visitor without a script reads from the front page to a post and back', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(origin + '/');
    await page.click('nav >> text=Journal');
    await page.click('.list h2 a >> nth=0');
    check(new URL(page.url()).pathname.startsWith('/journal/'), `ended at ${page.url()}`);
    await page.click('a.brand');
    check(new URL(page.url()).pathname === '/', `ended at ${page.url()}`);
    await context.close();
  });
  await test('nothing scrolls sideways at 320 pixels', async () => {
    const context = await browser.newContext({ viewport: { width: 320, height: 640 } });
    const page = await context.newPage();
    for (const [address] of pages) {
      await page.goto(origin + address);
      const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      check(wide <= seen, `${address} is ${wide} pixels wide in a window of ${seen}`);
    }
    await context.close();
  });
  await test('the keyboard reaches the content first and every focus is visible', async () => {
    const page = await browser.newPage();
    await page.goto(origin + '/');
    await page.keyboard.press('Tab');
    check(await page.evaluate(() => document.activeElement.className) === 'skip', 'the first stop is not the skip link');
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press('Tab');
      const shown = await page.evaluate(() => {
        const e = document.activeElement;
        const on = (x) => x !== null && getComputedStyle(x).outlineStyle !== 'none';
        return on(e) || on(e.nextElementSibling);
      });
      check(shown, `stop ${i + 2} shows no focus`);
    }
    await page.close();
  });
  if (process.env.SHOTS) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 900 } });
      for (const [address] of pages) {
        await page.goto(origin + address);
        await page.screenshot({ path: `${process.env.SHOTS}/${colorScheme}${address.replaceAll('/', '_')}.png` });
      }
      await page.close();
    }
  }
} finally {
  await browser?.close();
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  await ended;
  rmSync(store, { recursive: true, force: true });
}
if (failed === 0) console.log(`All tests passed (${checks} assertions in ${cases} test cases)`);
else console.log(`test cases: ${cases} | ${cases - failed} passed | ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
