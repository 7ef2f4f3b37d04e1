#!/usr/bin/env python3
"""The origin of scripts/bench/cache, a process of its own: answers in 200 ms, counts who asked, and fails on demand.

Usage: cache_origin.py PORT. Every page is 6.7 KB of HTML with `max-age=2` and long stale windows, under /long/ it is fresh for
an hour. GET /_control/up, /down (each page is a 500), /raise (each page shows the next version), /log (when each path was
asked for, and then forgotten).
"""
import asyncio, json, sys, time

WINDOWS = "stale-while-revalidate=3600, stale-if-error=3600"
words = ("a page of a shop, of a paper or of a school, with text that says a little about a thing and then about another one; ")
state = {"down": False, "version": 1}
asked = {}


def page(path):
    head = f"<!doctype html><title>{path}</title>version={state['version']};\n<p>"
    return (head + (words * 60))[:6_700].encode()


def answer(status, body, more=""):
    return (f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n{more}\r\n").encode() + body


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            if path.startswith("/_control/"):
                word = path.rsplit("/", 1)[1]
                body = b"ok"
                if word in ("up", "down"):
                    state["down"] = word == "down"
                elif word == "raise":
                    state["version"] += 1
                elif word == "log":
                    body = json.dumps(asked).encode()
                    asked.clear()
                writer.write(answer("200 OK", body, "Cache-Control: no-store\r\n"))
                continue
            asked.setdefault(path, []).append(time.monotonic())
            body = page(path)  # what the origin knows now; it answers later, as one with a database does
            await asyncio.sleep(0.2)
            if state["down"]:
                writer.write(answer("500 Internal Server Error", b"down", "Cache-Control: no-store\r\n"))
            else:
                age = 3600 if path.startswith("/long/") else 2
                writer.write(answer("200 OK", body, f'Cache-Control: max-age={age}, {WINDOWS}\r\nETag: "{state["version"]}"\r\n'))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    async with server:
        await server.serve_forever()


asyncio.run(main())
