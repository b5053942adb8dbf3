# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""How a server ends: drained by a signal, killed while it loads, started again on what is left."""

import json
import signal

import harness

IRIS = [[5.1, 3.5, 1.4, 0.2]]
WINE = json.loads((harness.MODELS / "wine/request.json").read_text())


def invoke_bytes(model, body):
    data = json.dumps(body).encode()
    return (b"POST /models/%s/invoke HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % (model.encode(), len(data))) + data


class Drain(harness.Case):
    def test_both_signals_end_an_idle_server_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve(self.store("iris"))
            self.assertEqual(server.get("/ready").status, 200)
            server.process.send_signal(number)
            self.assertEqual(server.process.wait(harness.TIMEOUT_S), 0)
            events = [e["event"] for e in server.log()]
            self.assertEqual(events, ["listening", "draining", "stopped"])

    def test_an_idle_connection_does_not_hold_it(self):
        server = self.serve(self.store("iris"), drain="1h")
        with server.raw() as idle, server.raw() as used:
            used.send(invoke_bytes("iris", IRIS))
            self.assertEqual(used.reply().status, 200)
            server.terminate()
            self.assertTrue(idle.closed() and used.closed())
            self.assertEqual(server.process.wait(harness.TIMEOUT_S), 0)

    def test_what_is_in_flight_is_answered(self):
        gate = self.gate("iris")
        server = self.serve(self.store("iris"), env=gate.env)
        with server.raw() as waiting:
            waiting.send(invoke_bytes("iris", IRIS))
            harness.wait_until(lambda: server.state("iris") == "loading", "the load")
            server.terminate()
            harness.wait_until(lambda: any(e["event"] == "draining" for e in server.log()),
                               "the drain")
            gate.open()
            reply = waiting.reply()
            self.assertEqual(reply.status, 200, reply)
            self.assertEqual(reply.headers["connection"], "close")
            self.assertTrue(waiting.closed())
        self.assertEqual(server.process.wait(harness.TIMEOUT_S), 0)

    def test_while_it_drains_new_requests_hear_503(self):
        gate = self.gate("iris")
        server = self.serve(self.store("iris", "wine"), env=gate.env)
        with server.raw() as waiting, server.raw() as kept:
            kept.send(invoke_bytes("wine", WINE))
            self.assertEqual(kept.reply().status, 200)
            waiting.send(invoke_bytes("iris", IRIS))
            harness.wait_until(lambda: server.state("iris") == "loading", "the load")
            server.terminate()
            harness.wait_until(lambda: server.get("/ready").status == 503, "readiness to end")
            self.assertEqual(server.get("/ping").status, 200)
            kept.send(invoke_bytes("wine", WINE))
            refused = kept.reply()
            self.assertEqual(refused.status, 503, refused)
            self.assertEqual(refused.headers["retry-after"], "1")
            self.assertEqual(refused.headers["connection"], "close")
            self.assertEqual(server.invoke("wine", WINE).status, 503)
            gate.open()
            self.assertEqual(waiting.reply().status, 200)
        self.assertEqual(server.process.wait(harness.TIMEOUT_S), 0)

    def test_what_cannot_finish_in_time_is_503(self):
        gate = self.gate("iris")
        server = self.serve(self.store("iris"), env=gate.env, drain="100ms")
        with server.raw() as waiting:
            waiting.send(invoke_bytes("iris", IRIS))
            harness.wait_until(lambda: server.state("iris") == "loading", "the load")
            server.terminate()
            reply = waiting.reply()
            self.assertEqual(reply.status, 503, reply)
            gate.open()
        self.assertEqual(server.process.wait(harness.TIMEOUT_S), 0)

    def test_a_second_signal_ends_it_at_once(self):
        gate = self.gate("iris")
        server = harness.Server(self.store("iris"), env=gate.env, drain="1h")
        self.addCleanup(server.kill)
        waiting = server.raw()
        self.addCleanup(waiting.close)
        waiting.send(invoke_bytes("iris", IRIS))
        harness.wait_until(lambda: server.state("iris") == "loading", "the load")
        server.terminate()
        harness.wait_until(lambda: any(e["event"] == "draining" for e in server.log()), "the drain")
        server.terminate()
        self.assertEqual(server.process.wait(harness.TIMEOUT_S), 1)


class Kill(harness.Case):
    def test_killed_while_loading_nothing_is_to_repair(self):
        store = self.store("iris", "wine")
        before = {p: p.read_bytes() for p in store.path.rglob("*") if p.is_file()}
        for start in (0, 4096, 8192):  # before page 0, the metadata, the weights
            gate = self.gate("iris", start=start)
            server = self.serve(store, env=gate.env)
            self.in_background(self.ignore, server)
            harness.wait_until(lambda s=server: s.state("iris") == "loading", "the load")
            server.kill()
        self.assertEqual({p: p.read_bytes() for p in store.path.rglob("*") if p.is_file()}, before)
        again = self.serve(store)
        self.assertEqual(again.invoke("iris", IRIS).status, 200)

    @staticmethod
    def ignore(server):
        try:
            server.invoke("iris", IRIS)
        except OSError:
            pass

    def test_the_port_is_free_again(self):
        first = self.serve(self.store("iris"))
        self.assertEqual(first.invoke("iris", IRIS).status, 200)
        first.kill()
        second = self.serve(self.store("iris"), listen=first.address)
        self.assertEqual(second.port, first.port)
        self.assertEqual(second.invoke("iris", IRIS).status, 200)
