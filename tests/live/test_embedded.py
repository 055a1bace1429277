"""The embedded Swift itself: what tests and `demo` rely on."""

import swiftclient


def client(swift, user=None, password=None):
    return swiftclient.Connection(
        swift.auth_url, user or swift.user, password or swift.password, auth_version="1", retries=0
    )


def test_counts_the_requests_of_a_block_and_of_no_other(swift, container):
    connection = client(swift)
    connection.put_container(container)
    with swift.counting() as counted:
        connection.put_object(container, "a b?", b"x")
        connection.get_container(container, prefix="a")
    connection.delete_object(container, "a b?")
    assert [(r.method, r.path, r.status) for r in counted] == [
        ("PUT", f"/v1/AUTH_test/{container}/a b?", 201),
        ("GET", f"/v1/AUTH_test/{container}", 200),
    ]
    assert "prefix=a" in counted.requests[1].query
    assert len(counted) == 2


def test_counts_tokens_and_info_only_when_asked(swift):
    with swift.counting() as storage, swift.counting(everything=True) as everything:
        client(swift).get_capabilities()
    assert len(storage) == 0
    assert [r.path for r in everything] == ["/auth/v1.0", "/info"]
