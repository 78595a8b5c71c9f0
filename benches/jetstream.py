"""What a nats-server makes of one subject for each call: figures that docs/cluster.md calculates with.

    python3 benches/jetstream.py                          # 200,000 calls, five messages each
    python3 benches/jetstream.py --calls 10000 --messages 150     # as many as an open call has
    python3 benches/jetstream.py --calls 1000000 --messages 3
    python3 benches/jetstream.py --replicas 3 --calls 100000 --messages 2

Starts servers of its own (`nats-server` must be on the path) in a folder that is removed again. Speaks
the protocol itself, so that no client is measured, over one connection with `--window` publications on
their way, each fenced as Forewarn's are.
"""

import argparse
import base64
import json
import os
import random
import socket
import subprocess
import tempfile
import time


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.lines = self.socket.makefile("rb")
        self.lines.readline()
        self.send(b'CONNECT {"verbose":false,"headers":true}\r\nSUB in 1\r\n')

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        line = self.lines.readline()
        while line.startswith(b"PING"):
            self.send(b"PONG\r\n")
            line = self.lines.readline()
        body = self.lines.read(int(line.split()[-1]) + 2)
        if b'"error"' in body:
            raise SystemExit(f"nats-server: {body.decode()}")
        return body

    def ask(self, what, **body):
        text = json.dumps(body).encode()
        self.send(b"PUB $JS.API.STREAM.%s.S in %d\r\n%s\r\n" % (what.encode(), len(text), text))
        return json.loads(self.receive())


class Servers:
    def __init__(self, number, folder, port):
        self.number, self.folder, self.port, self.processes = number, folder, port, []

    def start(self):
        routes = ",".join(f"nats://127.0.0.1:{self.port + 100 + n}" for n in range(self.number))
        began = time.time()
        for n in range(self.number):
            command = ["nats-server", "-a", "127.0.0.1", "-p", str(self.port + n), "-js",
                       "-sd", f"{self.folder}/{n}", "-n", f"n{n}"]
            if self.number > 1:
                command += ["-cluster_name", "bench", "-routes", routes,
                            "-cluster", f"nats://127.0.0.1:{self.port + 100 + n}"]
            log = open(f"{self.folder}/log-{n}", "w")
            self.processes.append(subprocess.Popen(command, stderr=log))
        for n in range(self.number):
            while "Server is ready" not in open(f"{self.folder}/log-{n}").read():
                if self.processes[n].poll() is not None:
                    raise SystemExit(open(f"{self.folder}/log-{n}").read())
                time.sleep(0.02)
        return time.time() - began

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []

    def cpu(self):
        fields = [open(f"/proc/{p.pid}/stat").read().rsplit(")", 1)[1].split() for p in self.processes]
        return sum(int(f[11]) + int(f[12]) for f in fields) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        status = [open(f"/proc/{p.pid}/status").read() for p in self.processes]
        return sum(int(s.split("VmRSS:")[1].split()[0]) for s in status) * 1024

    def disk(self):
        walk = [(top, name) for n in range(self.number)
                for top, _, names in os.walk(f"{self.folder}/{n}") for name in names]
        return sum(os.path.getsize(os.path.join(top, name)) for top, name in walk)


def subject(call):
    return "s." + base64.urlsafe_b64encode(b"call-%08d" % call).rstrip(b"=").decode()


def publish(client, args):
    """Every call in turn, each message behind the one before it."""
    total, sent, acked, body = args.calls * args.messages, 0, 0, b"x" * args.bytes
    while acked < total:
        batch = []
        while sent < total and sent - acked < args.window:
            before = 0 if sent < args.calls else sent - args.calls + 1
            head = b"NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: %d\r\n\r\n" % before
            size = len(head) + len(body)
            name = subject(sent % args.calls).encode()
            batch.append(b"HPUB %s in %d %d\r\n%s%s\r\n" % (name, len(head), size, head, body))
            sent += 1
        if batch:
            client.send(b"".join(batch))
        client.receive()
        acked += 1
    return total


def timed(servers, times, what):
    began, cpu = time.time(), servers.cpu()
    for n in range(times):
        what(n)
    return (time.time() - began) / times, (servers.cpu() - cpu) / times


def row(name, value):
    print(f"| {name} | {value} |", flush=True)


def measure(args, servers):
    servers.start()
    client = Client(args.port)
    stream = {"name": "S", "subjects": ["s.*"], "storage": "file", "num_replicas": args.replicas,
              "discard": "new"}
    if args.replicas > 1:
        time.sleep(5)  # The servers choose who leads.
    client.ask("CREATE", **stream)
    empty, cpu, began = servers.memory(), servers.cpu(), time.time()
    total = publish(client, args)
    took, cpu = time.time() - began, servers.cpu() - cpu
    row("fenced publications a second", f"{total / took:,.0f}")
    row("CPU of all servers each", f"{cpu / total * 1e6:.1f} µs")
    over = servers.disk() / total / args.replicas - args.bytes
    row("bytes on disk beyond the message's", f"{over:.0f}")
    if args.replicas > 1:
        return
    any_call = lambda: subject(random.randrange(args.calls))
    took, cpu = timed(servers, 2000, lambda _: client.ask("MSG.GET", last_by_subj=any_call()))
    row("last message of a subject", f"{took * 1e6:.0f} µs, CPU {cpu * 1e6:.0f} µs")
    took, cpu = timed(servers, 50, lambda _: client.ask("PURGE", filter=any_call()))
    row("purge of a subject", f"{took * 1e3:.2f} ms, CPU {cpu * 1e3:.2f} ms")
    first = client.ask("INFO")["state"]["first_seq"]
    step = total // 400
    took, cpu = timed(servers, 200, lambda n: client.ask("PURGE", seq=first + (n + 1) * step))
    row("purge before a sequence, each message", f"{took / step * 1e6:.2f} µs")
    servers.stop()
    row("ready again after a kill", f"{servers.start():.1f} s")
    # Later it is mostly what has been read lately.
    row("memory a subject by then", f"{(servers.memory() - empty) / args.calls:.0f} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=200_000, help="subjects")
    parser.add_argument("--messages", type=int, default=5, help="of each call")
    parser.add_argument("--bytes", type=int, default=250, help="of a message")
    parser.add_argument("--replicas", type=int, default=1, choices=[1, 3], help="and servers")
    parser.add_argument("--window", type=int, default=1024, help="publications on their way")
    parser.add_argument("--port", type=int, default=42_990)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        servers = Servers(args.replicas, folder, args.port)
        print(f"| {args.calls:,} calls, {args.messages} messages each, replicas {args.replicas} | |\n| --- | --- |")
        try:
            measure(args, servers)
        finally:
            servers.stop()


if __name__ == "__main__":
    main()
