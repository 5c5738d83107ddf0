"""Load for examples/service.py: so many clients, each sending its next query when it has the last vector.

python examples/load.py [--url http://127.0.0.1:8000] [--clients 64] [--seconds 10]
"""

import argparse
import http.client
import json
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

_PAUSE = 0.1
"""Seconds before a client that was refused comes again."""


def client(address: str, number: int, stop: float, times: list[float], refused: "Counter[str]") -> None:
    connection, sent = http.client.HTTPConnection(address, timeout=30), 0
    while (began := time.perf_counter()) < stop:
        body = json.dumps({"texts": [f"what is question {sent} of client {number}"], "kind": "query"})
        try:
            connection.request("POST", "/embed", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            outcome = str(answer.status)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            outcome = type(error).__name__
        if outcome == "200":
            times.append(time.perf_counter() - began)
        else:
            refused[outcome] += 1
            time.sleep(_PAUSE)
        sent += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    address, stop = urlsplit(options.url).netloc, time.perf_counter() + options.seconds
    times: list[float] = []
    refused: Counter[str] = Counter()
    clients = [
        threading.Thread(target=client, args=(address, number, stop, times, refused))
        for number in range(options.clients)
    ]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    if times:
        times.sort()
        p50, p99 = (1e3 * times[int(share * (len(times) - 1))] for share in (0.5, 0.99))
        print(f"{len(times) / options.seconds:.0f} queries/s, p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    print("not answered:", ", ".join(f"{count} by {outcome}" for outcome, count in refused.items()) or "none")


if __name__ == "__main__":
    main()
