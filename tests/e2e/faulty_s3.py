# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""An S3 endpoint on 127.0.0.1 that misbehaves on order. Its answers are another server's, to which
it hands each request on as it came, or those of objects that it keeps in memory; then it checks no
signature.

    s3 = faulty_s3.Server(upstream="http://127.0.0.1:1234", env=swift.env)
    s3 = faulty_s3.Server()                                # of its own
    s3.put("iris.roost", data)
    s3.spoil("iris.roost", faulty_s3.truncate, times=2)   # the next two GETs of it
"""

import datetime
import email.utils
import hashlib
import http.client
import random
import re
import socket
import ssl
import threading
import urllib.parse

BUCKET = "bucket"


class Server:
    def __init__(self, tls=None, upstream=None, env=None):
        """tls: certificate and key, as files; None: plain HTTP. env: who may ask upstream."""
        self.upstream = urllib.parse.urlsplit(upstream).netloc if upstream else None
        self.bucket = BUCKET
        self.delay_s = 0  # before each answer
        self.older_s = 0  # upstream's objects and uploads are said to be so much older than they are
        self.objects, self.faults, self.asked = {}, {}, []
        self.marks = {}  # of objects that were written over HTTP: x-amz-meta-roost-put
        self.conditional = True  # does it know If-None-Match: * of a PUT?
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.endpoint = (f"http{'s' if tls else ''}://127.0.0.1:"
                         f"{self.listener.getsockname()[1]}")
        self.env = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
                    "AWS_EC2_METADATA_DISABLED": "true",
                    "no_proxy": "127.0.0.1", **(env or {}), "AWS_ENDPOINT_URL": self.endpoint}
        self.open = set()
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def put(self, key, data):
        with self.lock:
            self.objects[key] = data

    def spoil(self, key, fault, times=1, method="GET"):
        """The next `times` requests of that kind go wrong that way; math.inf: all of them. The
        method of a listing is LIST, its key the prefix."""
        with self.lock:
            self.faults[method, key] = [fault, times]

    def heal(self):
        with self.lock:
            self.faults.clear()

    def stop(self):
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        with self.lock:
            for c in self.open:
                try:
                    c.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it is gone
        for t in self.threads:
            t.join()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                c = self.listener.accept()[0]
            except OSError:
                return
            with self.lock:
                if self.over.is_set():
                    c.close()
                    return
                self.open.add(c)
            t = threading.Thread(target=self._serve, args=(c,))
            self.threads.append(t)
            t.start()

    def _serve(self, c):
        try:
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                plain, c = c, self.tls.wrap_socket(c, server_side=True)
                with self.lock:
                    self.open.discard(plain)
                    self.open.add(c)
            stream = c.makefile("rb")
            while self._one(c, stream):
                pass
        except OSError:
            pass  # the client is gone, or the fault was that
        finally:
            with self.lock:
                self.open.discard(c)
            c.close()

    def _one(self, c, stream):
        """One request; False ends the connection."""
        line = stream.readline().decode("latin-1")
        if not line:
            return False
        headers = {}
        while (h := stream.readline().decode("latin-1").strip()):
            name, value = h.split(":", 1)
            headers[name.lower()] = value.strip()
        method, target, _ = line.split(" ")
        if headers.get("expect"):
            c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = stream.read(int(headers.get("content-length", 0)))
        path, _, query = target.partition("?")
        kind, key = method, urllib.parse.unquote(path[len(self.bucket) + 2:])
        if method == "GET" and query:
            kind, key = "LIST", urllib.parse.parse_qs(query, keep_blank_values=True)["prefix"][0]
        with self.lock:
            self.asked.append((kind, key, headers.get("range")))
            fault = self._next_fault(kind, key)
        if self.upstream:
            answer = self._forward(method, target, headers, body)
        elif method in ("PUT", "DELETE"):
            answer = self._write(method, key, headers, body)
        else:
            answer = self._list(key) if query else self._object(method, key, headers)
        self.over.wait(self.delay_s)
        return (fault or well)(self, c, answer)

    def _forward(self, method, target, headers, data):
        """What upstream answers. The host is signed, so it stays this server's."""
        there = http.client.HTTPConnection(self.upstream, timeout=60)
        try:
            there.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name == "expect":
                    continue  # it was answered here
                there.putheader(name, value)
            there.endheaders(data or None)
            r = there.getresponse()
            body = r.read()
        finally:
            there.close()
        length = {} if body else {"Content-Length": r.getheader("Content-Length", "0")}
        kept = {n: v for n in ("ETag", "Content-Range", "Last-Modified", "x-amz-meta-roost-put")
                if (v := r.getheader(n)) is not None}
        if self.older_s:
            body = self._older(kept, body)
        return Answer(f"{r.status} {r.reason}", kept, body, method, length)

    def _older(self, headers, body):
        """In place; answers the body."""
        by = datetime.timedelta(seconds=self.older_s)
        if "Last-Modified" in headers:
            at = email.utils.parsedate_to_datetime(headers["Last-Modified"])
            headers["Last-Modified"] = email.utils.format_datetime(at - by, usegmt=True)

        def then(found):
            at = datetime.datetime.fromisoformat(found[2].decode())
            return found[1] + (at - by).isoformat().encode()
        return re.sub(rb"(<LastModified>|<Initiated>)(\d+-\d+-\d+T\d+:\d+:\d+)", then, body)

    def _next_fault(self, method, key):
        entry = self.faults.get((method, key))
        if not entry or entry[1] <= 0:
            return None
        entry[1] -= 1
        return entry[0]

    def _write(self, method, key, headers, body):
        """Done before its answer is spoilt."""
        fresh = headers.get("if-none-match") == "*"
        with self.lock:
            if method == "DELETE":
                self.objects.pop(key, None)
                return Answer("204 No Content", {}, b"", method)
            if hashlib.sha256(body).hexdigest() != headers["x-amz-content-sha256"]:
                return Answer("400 Bad Request", {}, error("XAmzContentSHA256Mismatch"), method)
            if fresh and not self.conditional:
                return Answer("501 Not Implemented", {}, error("NotImplemented"), method)
            if fresh and key in self.objects:
                return Answer("412 Precondition Failed", {}, error("PreconditionFailed"), method)
            self.objects[key] = body
            self.marks[key] = headers["x-amz-meta-roost-put"]
        return Answer("200 OK", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}, b"", method)

    def _object(self, method, key, headers):
        with self.lock:
            data = self.objects.get(key)
            mark = self.marks.get(key, "")
        if data is None:
            return Answer("404 Not Found", {}, error("NoSuchKey"), method)
        tag = tag_of(data)
        if headers.get("if-match", tag) != tag:
            return Answer("412 Precondition Failed", {}, error("PreconditionFailed"), method)
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))
        if not found:
            return Answer("200 OK", {"ETag": tag, "x-amz-meta-roost-put": mark}, data, method)
        first, last = int(found[1]), min(int(found[2]), len(data) - 1)
        return Answer("206 Partial Content",
                      {"ETag": tag, "Content-Range": f"bytes {first}-{last}/{len(data)}"},
                      data[first:last + 1], method)

    def _list(self, prefix):
        with self.lock:
            keys = {k: d for k, d in self.objects.items() if k.startswith(prefix)}
        names = {prefix + k[len(prefix):].split("/")[0] + "/" for k in keys
                 if "/" in k[len(prefix):]}
        files = {k: d for k, d in keys.items() if "/" not in k[len(prefix):]}
        rows = "".join(f"<Contents><Key>{k}</Key><Size>{len(d)}</Size><ETag>{tag_of(d)}</ETag>"
                       "<LastModified>2026-11-29T10:00:00.000Z</LastModified></Contents>"
                       for k, d in sorted(files.items()))
        rows += "".join(f"<CommonPrefixes><Prefix>{n}</Prefix></CommonPrefixes>"
                        for n in sorted(names))
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        return Answer("200 OK", {}, body.encode(), "GET")


class Answer:
    def __init__(self, status, headers, body, method, length=None):
        self.status, self.body, self.method = status, body, method
        self.headers = {**headers, "Content-Length": str(len(body)), **(length or {})}

    def head(self):
        lines = [f"HTTP/1.1 {self.status}", *(f"{k}: {v}" for k, v in self.headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def wire(self):
        return self.head() + (b"" if self.method == "HEAD" else self.body)


def tag_of(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


def error(code):
    return f"<Error><Code>{code}</Code><Message>secret words</Message></Error>".encode()


# Each fault sends what it wants of an answer, and says whether the connection goes on.

def well(_, c, a):
    c.sendall(a.wire())
    return True


def truncate(_, c, a):
    c.sendall(a.wire()[:-max(1, len(a.body) // 2)])
    return False


def reset(_, c, a):
    c.sendall(a.wire()[:-max(1, len(a.body) // 3)])
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


def silent(_, c, __):
    c.recv(1)  # until the client goes away
    return False


def slow(_, c, a):
    """All of it, a few bytes a packet."""
    wire = a.wire()
    for i in range(0, len(wire), 97):
        c.sendall(wire[i:i + 97])
    return True


def corrupt(_, c, a):
    """One bit of the last byte."""
    a.body = a.body[:-1] + bytes([a.body[-1] ^ 1])
    return well(_, c, a)


def status(line, code):
    def fault(_, c, a):
        return well(_, c, Answer(line, {}, error(code), a.method))
    return fault


def longer(_, c, a):
    """Says and sends more than the range."""
    a.body += b"x" * 1000
    a.headers["Content-Length"] = str(len(a.body))
    return well(_, c, a)


def shorter(_, c, a):
    """Says less than it is, and sends it all."""
    a.headers["Content-Length"] = str(len(a.body) // 2)
    c.sendall(a.wire())
    return False


def huge(_, c, a):
    """A length of petabytes."""
    a.headers["Content-Length"] = str(1 << 50)
    c.sendall(a.wire())
    return False


def other_range(_, c, a):
    a.headers["Content-Range"] = "bytes 1-{}/{}".format(len(a.body), len(a.body) + 1)
    return well(_, c, a)


def other_total(_, c, a):
    """Says that the object is longer than it is."""
    a.headers["Content-Range"] = f"bytes 0-{len(a.body) - 1}/{len(a.body) + 1000}"
    return well(_, c, a)


def smaller(_, c, a):
    """Half of it, and says that this is all."""
    a.body = a.body[:len(a.body) // 2]
    a.headers.update({"Content-Length": str(len(a.body)),
                      "Content-Range": f"bytes 0-{len(a.body) - 1}/{len(a.body)}"})
    return well(_, c, a)


def changing(s, c, a):
    """Half of it, each time as if of another object."""
    a.headers["ETag"] = f'"{random.getrandbits(64):x}"'
    return truncate(s, c, a)


def other_tag(_, c, a):
    a.headers["ETag"] = f'"{random.getrandbits(64):x}"'
    return well(_, c, a)


def no_tag(_, c, a):
    a.headers.pop("ETag", None)
    return well(_, c, a)


def endless_body(s, c, a):
    a.headers.pop("Content-Length")
    c.sendall(a.wire())
    while not s.over.is_set():
        c.sendall(b"x" * 65536)
    return False


def endless_head(s, c, a):
    c.sendall(b"HTTP/1.1 206 Partial\r\n")
    while not s.over.is_set():
        c.sendall(b"x-pad: " + b"x" * 1000 + b"\r\n")
    return False


def no_http(_, c, a):
    c.sendall(b"\0\1\2 this is not it\n" * 10)
    return False
