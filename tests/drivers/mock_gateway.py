# -*- coding: utf-8 -*-
"""What a Ceph RADOS gateway shows through Swift's API, where that is not what Swift shows. Runs on Python 2.7 too.

Each difference was seen on a real one (radosgw 16.2), and tests/live/test_ceph.py sees the same tests through there.
"""

from __future__ import unicode_literals

from tests.drivers.mock_swift import MockSwift, Refused, md5

__all__ = ["MockGateway"]

MD5_OF_NOTHING = md5(b"")
MOST_NAMES = 9  # of a bulk delete that are looked at; 1024 on a real one


class MockGateway(MockSwift):
    """`most` are the rows of a page at most, whatever `/info` says; with a delimiter there are fewer."""

    def __init__(self, most=5, **options):
        MockSwift.__init__(self, rows=10000, **options)
        self.info["swift"] = {"container_listing_limit": 10000, "version": "16.2.15", "max_object_name_size": 1024}
        self.info["bulk_delete"] = {}
        self.info["tempurl"] = {"methods": ["GET", "HEAD", "PUT", "POST", "DELETE"]}
        self.most = most

    def _page(self, limit, delimiter):
        most = min(limit, self.most)
        return max(1, most * 3 // 4) if delimiter else most

    def _row(self, name, found):
        row = MockSwift._row(self, name, found)
        if found.slo is not None:
            del row["slo_etag"]
            row.update({"bytes": len(found.data), "hash": MD5_OF_NOTHING})
        return row

    def _put(self, container, name, query, headers, body):
        headers = {key: value for key, value in headers.items() if key not in ("if-none-match", "if-match")}
        return MockSwift._put(self, container, name, query, headers, body)

    def _manifest_row(self, row):
        container, _, name = row["path"].lstrip("/").partition("/")
        found = self.containers.get(container, {}).get(name)
        if found is not None and found.slo is not None:
            raise Refused(400, b"a segment is a large object")
        return MockSwift._manifest_row(self, row)

    def _get(self, container, name, query, headers, body):
        found = self._find(container, name, headers)
        if query.get("multipart-manifest") == "get" and found.slo is not None:
            return 200, {"content-type": "application/octet-stream"}, b""
        if "if-match" in headers and (found.slo is not None or found.dlo):
            # It is compared with the manifest's own MD5.
            raise Refused(412)
        return MockSwift._get(self, container, name, query, headers, body)

    def _delete(self, container, name, query, headers, body):
        there = name in self.containers.get(container, ())
        if query.get("multipart-manifest") == "delete" and not there:
            report = {"Response Status": "400 Bad Request", "Number Deleted": 0, "Number Not Found": 0}
            return 200, {}, self._report(dict(report, Errors=[["{0}/{1}".format(container, name), "400 Bad Request"]]))
        return MockSwift._delete(self, container, name, query, headers, body)

    def _bulk(self, places):
        return self._multistatus(places[:MOST_NAMES])
