"""What the benchmarks share: servers started on free loopback ports, their CPU time, wrk, medians.

Every benchmark runs weir and its peers in turn in one run on one machine and prints ratios; absolute numbers of
two machines are never compared. The last line is `RESULT name=value ...`.
"""
import atexit, os, pathlib, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time, urllib.request

TOP = pathlib.Path(__file__).resolve().parents[2]
WEIR = os.environ.get("WEIR", str(TOP / "build" / "weir"))
WORK = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))
TICK = os.sysconf("SC_CLK_TCK")
running = []


def stop_all():
    for process in running:
        if process.poll() is None:
            process.terminate()
    for process in running:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
    shutil.rmtree(WORK, ignore_errors=True)


atexit.register(stop_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def need(*tools):
    """Skips the whole benchmark, saying so, when a tool is absent."""
    for tool in tools:
        if shutil.which(tool) is None:
            print(f"SKIPPED: {pathlib.Path(sys.argv[0]).name} needs {tool} (scripts/install-deps --peers)")
            sys.exit(0)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, path="/", tls=False, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


def start(command, **options):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(WORK / "stderr", "ab"), **options)
    running.append(process)
    return process


def stop(process):
    process.terminate()
    process.wait(15)
    running.remove(process)


def site(name, config="", files=None, stages="stages = []"):
    """A site folder with a weir.toml; `files` maps relative paths to text or bytes."""
    root = WORK / name
    (root / "content").mkdir(parents=True, exist_ok=True)
    route = f'\n[[route]]\nmatch = {{ path = "/**" }}\nto = {{ site = true }}\n{stages}\n' if stages is not None else ""
    (root / "weir.toml").write_text('base_url = "http://127.0.0.1"\ntitle = "Bench"\n' + config + route)
    for path, data in (files or {}).items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else data.encode())
    return root


def weir_build(root):
    subprocess.run([WEIR, "--root", str(root), "build", "--no-export", "--store", str(root / "store")], check=True,
                   stdout=subprocess.DEVNULL)


def weir_serve(root, port, *words):
    process = start([WEIR, "--root", str(root), "serve", "--store", str(root / "store"), "--listen", f"127.0.0.1:{port}", *words])
    wait_for(port)
    return process


def nginx_serve(name, port, root, tls=None, more=""):
    folder = WORK / name
    folder.mkdir()
    listen = f"127.0.0.1:{port} reuseport backlog=4096" + (" ssl" if tls else "") + more
    certificates = f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]}; ssl_protocols TLSv1.2 TLSv1.3;" if tls else ""
    (folder / "nginx.conf").write_text(f"""
worker_processes {os.cpu_count()}; daemon off; pid {folder}/pid; error_log {folder}/error.log crit;
user root; worker_rlimit_nofile 20000;
events {{ worker_connections 16384; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 120s;
  open_file_cache max=1000 inactive=60s; types {{ text/html html; }}
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen {listen}; {certificates} root {root}; }}
}}""")
    process = start(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")])
    wait_for(port)
    return process


def family(pid):
    """The process and all that it started."""
    out = [pid]
    for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split():
        out += family(int(child))
    return out


def cpu_seconds(process):
    total = 0
    for pid in family(process.pid):
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICK
        except FileNotFoundError:
            pass
    return total


def resident_kib(process, pids=None):
    """`pids`: its family, when it is asked often: looking for it costs more than the rest."""
    total = 0
    for pid in pids or family(process.pid):
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total


def wrk(url, connections=64, seconds=5, headers=()):
    words = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        words += ["-H", header]
    out = subprocess.run(words + [url], capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1))
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    p99_ms = float(p99.group(1)) * {"us": 0.001, "ms": 1, "s": 1000}[p99.group(2)]
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    failed = (sum(map(int, errors.groups())) if errors else 0) + (int(bad.group(1)) if bad else 0)
    return {"requests": requests, "rate": rate, "p99_ms": p99_ms, "failed": failed}


def measure(process, url, **options):
    before = cpu_seconds(process)
    result = wrk(url, **options)
    result["cpu_us"] = (cpu_seconds(process) - before) * 1e6 / max(1, result["requests"])
    return result


def median(values):
    return statistics.median(values)


def certificate():
    key, cert = WORK / "key.pem", WORK / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return str(cert), str(key)


def machine():
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    return f"{os.cpu_count()} x {model}"


def result(**values):
    print("RESULT " + " ".join(f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()))
