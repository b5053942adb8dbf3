# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""s3:// against a real S3 implementation: OpenStack Swift, started by the first test that wants it."""

import http.server
import json
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import threading
import time

import harness
import s3_server
import swift
import tiny_onnx

IRIS = [[5.1, 3.5, 1.4, 0.2]]
AWS = "/usr/bin/aws"


class Metadata:
    """An instance's metadata service, of version 2, that gives Swift's credentials."""

    def __enter__(self):
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        role = json.dumps({"AccessKeyId": swift.KEY, "SecretAccessKey": swift.SECRET,
                           "Expiration": expires})

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, text, good=True):
                self.send_response(200 if good else 401)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):
                self.answer("session", self.path == "/latest/api/token")

            def do_GET(self):
                good = self.headers["X-aws-ec2-metadata-token"] == "session"
                self.answer(role if self.path.endswith("/the-role") else "the-role", good)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class S3(s3_server.OnServer, harness.Case):
    KIND = swift.Swift

    def bucket(self, *models, prefix=""):
        """A bucket of this test's own, with models in it."""
        name = self.id().rsplit(".", 1)[1].replace("_", "-")[:60].strip("-")
        self.client.create_bucket(Bucket=name)
        for m in models:
            self.put(name, f"{prefix}{m}.roost", m)
        return name

    def put(self, bucket, key, model):
        self.client.put_object(Bucket=bucket, Key=key,
                               Body=pathlib.Path(harness.compiled(model)).read_bytes())

    def on(self, url, env=None, **flags):
        return self.serve(url, env={**self.s3.env, **(env or {})}, **flags)

    def test_a_model_of_a_bucket_is_invoked(self):
        server = self.on(f"s3://{self.bucket('iris')}")
        reply = server.invoke("iris", IRIS)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(server.invoke("iris", IRIS).json(), reply.json())
        now = server.metrics()
        size = harness.compiled("iris").stat().st_size
        self.assertEqual(now["roost_store_read_bytes_total"], size)
        self.assertEqual({k: v for k, v in now.items() if "s3_retries_total" in k and v}, {})

    def asked(self, server, call):
        """Requests of the store by kind that the call costs: reads, listings, heads."""
        kinds = [f'roost_s3_requests_total{{kind="{k}"}}' for k in ("read", "list", "stat")]
        before = server.metrics()
        call()
        after = server.metrics()
        return tuple(after[k] - before[k] for k in kinds)

    def test_a_cold_load_asks_no_more_than_it_must(self):
        bucket = self.bucket("iris")
        self.put(bucket, "numbered/4/model.roost", "iris")
        self.put(bucket, "_roost/models/acme/published/3.roost", "iris")
        self.client.put_object(Bucket=bucket, Key="_roost/models/acme/published/current", Body=b"3")
        for i in range(12):  # a page is ten here
            self.put(bucket, f"dots.{i}.roost", "iris")
        with tempfile.TemporaryDirectory() as tier:
            server = self.on(f"s3://{bucket}", disk=f"{tier}/d")
            # The pointer; the endings, and whether there is a folder; its numbers, and the endings of
            # the highest; the object.
            want = {"unknown": (1, 1, 0), "iris": (2, 1, 0), "numbered": (2, 3, 0),
                    "acme/published": (2, 1, 0)}
            status = {"unknown": 404}
            for name, counts in want.items():
                def call(n=name):
                    self.assertEqual(server.invoke(n, IRIS).status, status.get(n, 200), n)
                self.assertEqual((name, self.asked(server, call)), (name, counts))
            # More than a page of names that begin like it: each ending is looked for.
            self.assertEqual(self.asked(server, lambda: server.invoke("dots", IRIS)), (1, 2, 5))
            # What the disk tier has is not read again. A listing says which object it is.
            harness.wait_until(lambda: len(list(pathlib.Path(tier).rglob("h-*"))) >= 3, "the tier")
            for name, counts in {"iris": (1, 1, 0), "acme/published": (1, 1, 1)}.items():
                self.assertEqual(server.unload(name).status, 200)
                self.assertEqual((name, self.asked(server, lambda n=name: server.invoke(n, IRIS))),
                                 (name, counts))

    def test_names_with_every_byte_of_the_grammar(self):
        names = ["A.b_c-d/0..9__--x", "acme/churn", "x" * 128 + "/" + "Y" * 128, "a.-_", "0"]
        bucket = self.bucket()
        for name in names:
            self.put(bucket, f"{name}.roost", "iris")
        server = self.on(f"s3://{bucket}")
        for name in names:
            self.assertEqual(server.invoke(name, IRIS).status, 200, name)
        self.assertEqual(server.invoke("a.-", IRIS).status, 404)

    def test_prefixes_with_bytes_that_need_encoding(self):
        bucket = self.bucket()
        for prefix in ("plain", "a b", "p+q&r=s", "süß/%41/~x'()*!", "..", "a//b"):
            with self.subTest(prefix=prefix):
                self.put(bucket, f"{prefix}/acme/iris.roost", "iris")
                self.put(bucket, f"{prefix}/acme/many/3/model.roost", "iris")
                self.put(bucket, f"{prefix}/acme/many/12/model.roost", "iris")
                server = self.on(f"s3://{bucket}/{prefix}")
                self.assertEqual(server.invoke("acme/iris", IRIS).status, 200)
                self.assertEqual(server.invoke("acme/many", IRIS).status, 200)
                self.assertEqual(server.describe("acme/many").json()["version"], "12")
                server.stop()

    def test_a_profile_and_the_metadata_of_an_instance(self):
        bucket = self.bucket("iris")
        nobody = {k: "" for k in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        with tempfile.NamedTemporaryFile("w") as f:
            f.write(f"[default]\naws_access_key_id = no\naws_secret_access_key = no\n[us]\n"
                    f"aws_access_key_id = {swift.KEY}\naws_secret_access_key = {swift.SECRET}\n")
            f.flush()
            env = {**nobody, "AWS_PROFILE": "us", "AWS_SHARED_CREDENTIALS_FILE": f.name}
            self.assertEqual(self.on(f"s3://{bucket}", env=env).invoke("iris", IRIS).status, 200)
        with Metadata() as instance:
            env = {**nobody, "AWS_EC2_METADATA_DISABLED": "false", "HOME": "/nonexistent",
                   "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.endpoint}
            server = self.on(f"s3://{bucket}", env=env)
            self.assertEqual(server.invoke("iris", IRIS).status, 200)
            self.assertEqual(server.metrics()['roost_s3_requests_total{kind="credentials"}'], 3)

    def test_no_child_inherits_a_connection(self):
        bucket = self.bucket("iris")
        server = self.on(f"s3://{bucket}")
        self.assertEqual(server.invoke("iris", IRIS).status, 200)
        port = int(self.s3.endpoint.rsplit(":", 1)[1])
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        connections = {f"socket:[{row[9]}]" for row in rows if int(row[2][-4:], 16) == port}
        flags = []
        for fd in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
            if os.readlink(fd) in connections:
                info = pathlib.Path(f"/proc/{server.process.pid}/fdinfo/{fd.name}").read_text()
                flags.append(int(re.search(r"flags:\s+(\d+)", info)[1], 8) & os.O_CLOEXEC)
        self.assertTrue(flags and all(flags), flags)

    def test_model_files_of_a_bucket_are_compiled(self):
        bucket = self.bucket()
        onnx = harness.model_file("iris").read_bytes()
        self.client.put_object(Bucket=bucket, Key="models/iris/3/model.onnx", Body=onnx)
        self.client.put_object(Bucket=bucket, Key="models/plain.onnx", Body=onnx)
        self.client.put_object(Bucket=bucket, Key="models/parts/1/model.onnx",
                               Body=tiny_onnx.add_outside("k.bin"))
        self.client.put_object(Bucket=bucket, Key="models/parts/1/k.bin",
                               Body=struct.pack("<4f", 1, 2, 3, 4))
        server = self.on(f"s3://{bucket}/models")
        for name in ("iris", "plain"):
            self.assertEqual(server.invoke(name, IRIS).status, 200, name)
        self.assertEqual(server.invoke("parts", [[0] * 4]).json(), {"predictions": [[1, 2, 3, 4]]})

    def test_ls_pages_through_a_bucket(self):  # Swift gives pages of ten here
        bucket = self.bucket("iris")
        for i in range(45):
            self.client.put_object(Bucket=bucket, Key=f"t{i // 23}/m{i}.roost", Body=b"-")
        done = harness.roost("ls", "--store", f"s3://{bucket}", env=self.s3.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        names = [line.split()[0] for line in done.stdout.splitlines()[1:]]
        self.assertEqual(sorted(names),
                         sorted(["iris"] + [f"t{i // 23}/m{i}" for i in range(45)]))

    def test_the_aws_cli_uploads_and_the_next_invoke_serves(self):
        if not os.access(AWS, os.X_OK):
            self.skipTest("awscli is missing: run scripts/setup test")
        bucket = self.bucket()
        server = self.on(f"s3://{bucket}/models")
        self.assertEqual(server.invoke("acme/iris", IRIS).status, 404)
        subprocess.run([AWS, "--endpoint-url", self.s3.endpoint, "s3", "cp", "--no-progress",
                        str(harness.compiled("iris")), f"s3://{bucket}/models/acme/iris.roost"],
                       check=True, capture_output=True,
                       env={**os.environ, **self.s3.env, "PATH": "/usr/bin:/bin",
                            "AWS_CONFIG_FILE": "/nonexistent"})
        reply = harness.wait_until(
            lambda: (r := server.invoke("acme/iris", IRIS)).status == 200 and r, "the model")
        self.assertEqual(reply.headers["x-roost-cache"], "miss")

    def test_the_commands_of_the_docs(self):
        if not os.access(AWS, os.X_OK):
            self.skipTest("awscli is missing: run scripts/setup test")
        page = (harness.ROOT / "docs/store.md").read_text()
        commands = re.search(r"```sh\n(.*?)```", page, re.S)[1]
        port = harness.free_port()
        # This awscli is older than AWS_ENDPOINT_URL; the rest is the page's own.
        script = "\n".join([
            "set -e", f'aws() {{ {AWS} --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }}',
            f'roost() {{ "{harness.BINARY}" "$@"; }}', 'cd "$FOLDER"',
            commands.replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace(
                "roost serve", f'"{harness.BINARY}" serve'),
            "kill $!", "wait $!"])
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(harness.ROOT / "models", f"{folder}/models")
            done = subprocess.run(
                ["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False,
                env=harness.clean_env({**self.s3.env, "PATH": "/usr/bin:/bin", "FOLDER": folder,
                                       "ROOST_LISTEN": f"127.0.0.1:{port}",
                                       "AWS_CONFIG_FILE": "/nonexistent"}))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^acme/iris ")
        want = harness.roost("run", harness.compiled("iris"),
                             stdin=json.dumps({"instances": IRIS}).encode())
        self.assertClose(json.loads(done.stdout.strip().splitlines()[-1]), json.loads(want.stdout))

    def test_multipart_objects_and_ranges_of_them(self):
        bucket = self.bucket()
        part = 5 << 20
        up = self.client.create_multipart_upload(Bucket=bucket, Key="big.roost")
        body = harness.compiled("iris").read_bytes()
        data = body + bytes(2 * part - len(body))
        tags = []
        for i in range(2):
            got = self.client.upload_part(Bucket=bucket, Key="big.roost", PartNumber=i + 1,
                                          UploadId=up["UploadId"], Body=data[i * part:][:part])
            tags.append({"PartNumber": i + 1, "ETag": got["ETag"]})
        self.client.complete_multipart_upload(Bucket=bucket, Key="big.roost",
                                              UploadId=up["UploadId"],
                                              MultipartUpload={"Parts": tags})
        server = self.on(f"s3://{bucket}")
        # Longer than its page 0 says: that is found, and nothing else is wrong with it.
        self.assertEqual(server.invoke("big", IRIS).status, 500)
        self.assertIn(f"the file holds {2 * part}", server.log_text())

    def test_what_is_wrong_is_said_without_secrets(self):
        bucket = self.bucket("iris")
        cases = [({"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, f"s3://{bucket}", "denied"),
                 ({"AWS_SESSION_TOKEN": "x"}, "s3://no-such-bucket", "no such bucket"),
                 ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, f"s3://{bucket}", "connect")]
        for env, url, words in cases:
            with self.subTest(url=url, env=list(env)):
                server = self.on(url, env=env, s3_retries=1)
                reply = server.invoke("iris", IRIS)
                self.assertEqual(reply.status, 503, reply)
                text = reply.error() + server.log_text()
                self.assertIn(words, text.lower())
                for secret in (swift.SECRET, swift.KEY, "not-the-secret", "Signature="):
                    self.assertNotIn(secret, text)
                server.stop()

    def test_a_replaced_object_is_another_version(self):
        bucket = self.bucket("iris")
        server = self.on(f"s3://{bucket}")
        self.assertEqual(server.invoke("iris", IRIS).status, 200)
        self.put(bucket, "iris.roost", "wine")
        self.assertEqual(server.unload("iris").status, 200)
        self.assertEqual(server.invoke("iris", IRIS).status, 400)
        self.assertEqual(server.invoke("iris", [[0] * 13]).status, 200)
