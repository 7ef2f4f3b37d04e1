// Keeps CONNECTIONS sessions of HTTP/2 over TLS busy with 10 requests each until stdin ends, as a browser would: after a
// GOAWAY new requests take a new session, and those under way must still be answered. One that was refused with
// REFUSED_STREAM was never begun (RFC 9113, section 8.7) and is asked again; node refuses by itself what it had not sent.
// usage: h2_client.mjs PORT PATH CONNECTIONS     prints {"ok":N,"failed":N,"again":N,"sessions":N,"reasons":[...]}
import http2 from 'node:http2';

const [port, path, connections] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const count = { ok: 0, failed: 0, again: 0, sessions: 0, reasons: [] };
let ended = false;
process.stdin.on('end', () => { ended = true; });
process.stdin.resume();

function fail(reason) {
  count.failed += 1;
  if (count.reasons.length < 10) count.reasons.push(String(reason));
}

function session() {
  return new Promise((done) => {
    const link = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    let leaving = false, flying = 0;
    count.sessions += 1;
    const over = () => { if (flying === 0) { link.close(); done(); } };
    link.on('goaway', () => { leaving = true; over(); });
    link.on('error', (error) => { leaving = true; if (flying === 0) fail(error); over(); });
    link.on('close', () => { leaving = true; over(); });
    const next = () => {
      if (leaving || ended || link.closed || link.destroyed) return over();
      const stream = link.request({ ':path': path });
      let status = 0, bytes = 0, told = false;
      flying += 1;
      const finish = (reason) => {
        if (told) return;
        told = true;
        flying -= 1;
        if (reason === undefined && status === 200 && bytes > 0) count.ok += 1;
        else if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) count.again += 1;
        else fail(reason ?? `status ${status}, ${bytes} bytes`);
        next();
      };
      stream.on('response', (fields) => { status = fields[':status']; });
      stream.on('data', (piece) => { bytes += piece.length; });
      stream.on('end', () => finish(status === 0 ? 'no answer' : undefined));
      stream.on('error', finish);
      stream.on('close', () => finish('closed'));
      stream.end();
    };
    link.on('connect', () => { for (let i = 0; i < 10; i += 1) next(); });
  });
}

async function keep() { while (!ended) await session(); }
await Promise.all(Array.from({ length: connections }, keep));
console.log(JSON.stringify(count));
process.exit(0);
