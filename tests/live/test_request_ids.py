"""One push, followed through our log and Swift's."""

from __future__ import annotations

import json
import re
from pathlib import Path

from docker_registry.embedded import EmbeddedSwift
from tests.live.ours import Ours, write_config
from tests.live.raw import Raw
from tests.live.wire import Client

MIB = 1 << 20


def test_swift_s_transactions_have_the_id_of_the_request(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    config = write_config(
        tmp_path, swift, container, log_format="json", log_fields={"service": "registry"}, trusted_proxies="127.0.0.1"
    )
    document = json.loads(config.read_text())
    document["test"] |= {"loglevel": "debug", "swift_segment_size": "1M"}
    config.write_text(json.dumps(document))
    with Ours(tmp_path, config) as us, Client(us.url) as client:
        client.push_image("app", "1.0", [bytes(3 * MIB)])
        client.ask("GET", "/v2/app/manifests/1.0", headers={"X-Request-Id": "from-the-proxy"})
        us.wait_for('"request": "from-the-proxy"')
    lines = [json.loads(line) for line in us.log.splitlines()]
    assert all(line["service"] == "registry" for line in lines)
    access = [line for line in lines if line["logger"] == "docker_registry.access"]
    ids = [line["request"] for line in access]
    assert len(set(ids)) == len(ids)
    pushed = next(line["request"] for line in access if line["method"] == "PATCH" and line["received"] == 3 * MIB)
    transactions = {
        line["request"]: re.findall(r"transaction (\S+)", line["message"])
        for line in lines
        if "transaction" in line["message"] and line.get("request")
    }
    assert pushed in transactions
    # Each of Swift's transactions, those of segments sent side by side too, has the id that Swift was given.
    segments = [
        line for line in lines if line.get("request") == pushed and re.search("PUT .*segments/.*: 201", line["message"])
    ]
    assert len(segments) >= 3
    for request, found in transactions.items():
        assert all(transaction.endswith(f"-{request[:32]}") for transaction in found)
    assert "from-the-proxy" in transactions


def test_an_error_names_swift_s_transaction(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    Raw(swift, container).ask("PUT", headers={"X-Container-Meta-Quota-Bytes": "100"})
    config = write_config(tmp_path, swift, container, log_format="json")
    with Ours(tmp_path, config) as us, Client(us.url) as client:
        location = client.ask("POST", "/v2/app/blobs/uploads/").headers["Location"]
        assert client.ask("PATCH", location, data=bytes(1000)).status_code == 403
        us.wait_for("quota")
    (error,) = (line for line in map(json.loads, us.log.splitlines()) if line["level"] == "error")
    transaction = re.search(r"\(transaction (\S+)\)", error["message"])
    assert transaction
    assert transaction[1].endswith("-" + error["request"])
