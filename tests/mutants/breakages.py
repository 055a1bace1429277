"""One way to break what each test named in docs/spec.md shows: `python -m tests.mutants` sees each test fail of it.

A change of the code may take the text away that a breakage replaces: then
break the same behaviour in its new place.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BREAKAGES", "Breakage"]


class Breakage(NamedTuple):
    file: str  # below docker_registry/distribution/
    before: str  # occurs once there
    after: str
    tests: tuple[str, ...]  # as docs/spec.md names them, without `distribution/`; each must fail


def _break(file: str, before: str, after: str, *tests: str) -> Breakage:
    return Breakage(file, before, after, tests)


BREAKAGES = [
    # Names and paths.
    _break(
        "model/grammar.py",
        "_NAME.fullmatch(text)",
        "_NAME.match(text)",
        "model/test_grammar.py::test_names_are_the_specs",
        "test_app.py::test_a_malformed_name_is_a_400",
    ),
    _break(
        "model/grammar.py", "_TAG.fullmatch(text)", "_TAG.match(text)", "model/test_grammar.py::test_tags_are_the_specs"
    ),
    _break(
        "model/grammar.py",
        'return parse_digest(text) if ":" in text else parse_tag(text)',
        "return Tag(text)",
        "model/test_grammar.py::test_a_reference_is_a_digest_or_a_tag_or_an_error_for_the_client",
        "handlers/test_manifests.py::test_a_push_by_another_digest_stores_nothing",
    ),
    _break(
        "handlers/manifests.py",
        "raise _unknown(name, reference, str(error)) from None",
        "raise",
        "handlers/test_manifests.py::test_what_cannot_have_that_name_is_not_there",
    ),
    _break(
        "routes.py",
        '(r"/v2", version.Version)',
        '(r"/v1", version.Version)',
        "test_app.py::test_the_base_says_that_this_is_a_registry",
    ),
    _break(
        "routes.py",
        "raise RegistryError(Code.PATH_UNKNOWN, detail=",
        "raise RegistryError(Code.UNKNOWN, detail=",
        "test_app.py::test_an_unknown_path_is_a_404_in_the_specs_form",
    ),
    _break(
        "resource.py",
        '_VERBS = ("get", "head", "post", "put", "patch", "delete")',
        '_VERBS = ("get", "head", "post", "put", "patch")',
        "test_app.py::test_a_method_that_a_path_lacks_is_a_405_with_those_it_has",
    ),
    # Errors.
    _break(
        "errors.py",
        '"message": message or code.message}',
        '"text": message or code.message}',
        "test_app.py::test_every_error_has_the_specs_form",
    ),
    _break(
        "errors.py",
        'NAME_UNKNOWN = "NAME_UNKNOWN"',
        'NAME_UNKNOWN = "REPOSITORY_UNKNOWN"',
        "test_app.py::test_the_wire_codes_are_the_specs_and_few_more",
    ),
    _break(
        "errors.py",
        'MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN", HTTPStatus.NOT_FOUND',
        'MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN", HTTPStatus.GONE',
        "handlers/test_manifests.py::test_what_is_not_there_is_a_404",
    ),
    # Pulling manifests.
    _break(
        "handlers/manifests.py",
        "content_type=manifest.media_type)",
        'content_type=f"{manifest.media_type}; charset=utf-8")',
        "handlers/test_manifests.py::test_parameters_of_the_content_type_are_ignored",
    ),
    _break(
        "handlers/manifests.py",
        "content_type=manifest.media_type)",
        "content_type=messages.OCI_MANIFEST)",
        "handlers/test_manifests.py::test_an_index_needs_its_manifests",
    ),
    _break(
        "model/manifest.py",
        'return OCI_INDEX if "manifests" in document else OCI_MANIFEST',
        "return OCI_MANIFEST",
        "model/test_manifest.py::test_the_type_is_told_again_from_the_bytes_alone",
    ),
    _break(
        "handlers/manifests.py",
        "Response(manifest.body, headers",
        'Response(manifest.body.replace(b"\\n", b""), headers',
        "handlers/test_manifests.py::test_a_manifest_comes_back_byte_for_byte",
    ),
    _break(
        "handlers/manifests.py",
        '"Docker-Content-Digest": str(digest), ',
        "",
        "handlers/test_manifests.py::test_a_manifest_comes_back_byte_for_byte",
    ),
    _break(
        "model/layout.py",
        'return f"{manifests(name)}/revisions/{_pair(digest)}/link"',
        'return f"{REPOSITORIES}/_revisions/{_pair(digest)}/link"',
        "handlers/test_manifests.py::test_a_manifest_is_only_in_the_repository_it_was_pushed_to",
    ),
    _break(
        "resource.py",
        'verbs.insert(1, "head")',
        "pass",
        "handlers/test_manifests.py::test_head_has_the_headers_of_get_and_no_body",
    ),
    _break(
        "handlers/manifests.py",
        "return Response(status=304, headers=_headers(digest))",
        "pass",
        "handlers/test_manifests.py::test_who_has_it_already_is_told_so",
    ),
    # Pulling blobs.
    _break(
        "handlers/blobs.py",
        "Response(reader, headers",
        "Response(None, headers",
        "handlers/test_blobs.py::test_get_and_head",
    ),
    _break(
        "handlers/blobs.py",
        '"Cache-Control": _FOREVER, "Docker-Content-Digest": str(digest)}',
        '"Cache-Control": _FOREVER}',
        "handlers/test_blobs.py::test_get_and_head",
    ),
    _break(
        "handlers/blobs.py",
        'response.headers["Content-Length"] = str(length)',
        'response.headers["Content-Length"] = "0"',
        "handlers/test_blobs.py::test_get_and_head",
    ),
    _break(
        "model/layout.py",
        'return f"{repository(name)}/_layers/{_pair(digest)}/link"',
        'return f"{REPOSITORIES}/_layers/{_pair(digest)}/link"',
        "handlers/test_blobs.py::test_a_blob_of_another_repository_is_unknown",
        "handlers/test_blobs.py::test_delete_takes_the_blob_out_of_one_repository",
    ),
    _break(
        "storage/store.py",
        "return None if size is None else (stored, size)",
        "return stored, size or 0",
        "handlers/test_blobs.py::test_a_link_whose_data_is_gone_is_no_blob",
    ),
    _break(
        "handlers/blobs.py",
        "response.status_code = 206",
        "response.status_code = 200",
        "handlers/test_blobs.py::test_ranges",
    ),
    _break(
        "model/ranges.py",
        "return int(digits) if",
        "return 1 + int(digits) if",
        "handlers/test_blob_properties.py::test_a_range_is_a_slice",
    ),
    # Pushing blobs.
    _break(
        "handlers/uploads.py",
        "return Response(status=201, headers=headers)",
        "return Response(status=200, headers=headers)",
        "handlers/test_uploads.py::TestMonolithic::test_put",
        "handlers/test_uploads.py::TestMonolithic::test_post",
        "handlers/test_uploads.py::TestChunked::test_the_blob_is_there",
    ),
    _break(
        "handlers/uploads.py",
        'headers = {"Location": self.url(f"/v2/{name}/blobs/{digest}"), ',
        "headers = {",
        "handlers/test_uploads.py::TestMonolithic::test_put",
        "handlers/test_uploads.py::TestMonolithic::test_post",
    ),
    _break(
        "storage/blob_writer.py",
        "            if found == digest:\n                promise.begin()",
        "            if True:\n                promise.begin()",
        "handlers/test_uploads.py::TestMonolithic::test_a_wrong_digest",
    ),
    _break(
        "handlers/uploads.py",
        'response.headers["OCI-Chunk-Min-Length"] = str(CHUNK_MIN_LENGTH)',
        "pass",
        "handlers/test_uploads.py::TestChunked::test_the_least_chunk_is_announced",
    ),
    _break(
        "handlers/uploads.py",
        'self.request.args.get("digest-algorithm", "sha256")',
        '"sha256"',
        "handlers/test_uploads.py::TestSession::test_an_unknown_algorithm",
    ),
    _break(
        "handlers/uploads.py",
        "if first != newest.offset:",
        "if False:",
        "handlers/test_uploads.py::TestChunked::test_out_of_order_says_where_to_go_on",
        "handlers/test_uploads.py::TestChunked::test_the_first_chunk_starts_at_0",
    ),
    _break(
        "handlers/uploads.py",
        "raise RegistryError(Code.BLOB_UPLOAD_INVALID, str(error)) from None",
        "return None",
        "handlers/test_uploads.py::TestChunked::test_a_malformed_range",
    ),
    _break(
        "handlers/uploads.py",
        '"Range": f"0-{max(session.offset - 1, 0)}",',
        '"Range": f"0-{session.offset}",',
        "handlers/test_uploads.py::TestChunked::test_the_blob_is_there",
        "handlers/test_uploads.py::TestSession::test_status_of_each_stage",
    ),
    _break(
        "model/digest.py",
        ', "sha512": hashlib.sha512',
        "",
        "handlers/test_uploads.py::TestChunked::test_sha512",
    ),
    _break(
        "handlers/uploads.py",
        'if "digest" not in self.request.args:',
        "if False:",
        "handlers/test_uploads.py::TestSession::test_a_closing_put_without_a_digest",
    ),
    _break(
        "model/grammar.py",
        "raise RegistryError(Code.DIGEST_INVALID, str(error)) from None",
        "raise RegistryError(Code.UNKNOWN, str(error)) from None",
        "handlers/test_uploads.py::TestSession::test_a_malformed_closing_digest",
        "handlers/test_referrers.py::test_a_bad_digest_is_a_400",
    ),
    _break(
        "handlers/uploads.py",
        "self.blob_writer.cancel(self.sessions.newest(self._open(name, session)))",
        "self._open(name, session)",
        "handlers/test_uploads.py::TestChunked::test_a_cancel_leaves_nothing",
    ),
    _break(
        "storage/upload_sessions.py",
        "return recorded if recorded.offset > session.offset else session",
        "return session",
        "handlers/test_uploads.py::TestChunked::test_an_older_url_tells_what_has_arrived",
        "handlers/test_uploads.py::TestChunked::test_a_chunk_that_has_arrived_is_not_taken_again",
        "test_released_suite.py::test_blob_upload_chunked",
    ),
    _break(
        "storage/upload_sessions.py",
        "if expires < time.time():",
        "if False:",
        "handlers/test_uploads.py::TestSession::test_an_expired_url_is_unknown",
    ),
    _break(
        "storage/blob_writer.py",
        "found = self._store.find_blob(source, digest, fresh=True)",
        "found = digest, 0",
        "handlers/test_uploads.py::TestMount::test_a_normal_upload_begins_where_there_is_nothing_to_mount",
    ),
    _break(
        "storage/blob_writer.py",
        "self._store.write_link(layout.layer_link(repository, digest), found[0])",
        "pass",
        "handlers/test_uploads.py::TestMount::test_the_blob_is_served_there_too",
    ),
    # Pushing manifests.
    _break(
        "storage/publishing.py",
        "    if missing:",
        "    if False:",
        "handlers/test_manifests.py::test_missing_blobs_are_all_named",
        "handlers/test_manifests.py::test_an_index_needs_its_manifests",
    ),
    _break(
        "model/manifest.py",
        'content_type.partition(";")[0]',
        "content_type",
        "handlers/test_manifests.py::test_parameters_of_the_content_type_are_ignored",
    ),
    _break(
        "handlers/manifests.py",
        'self.url(f"/v2/{name}/manifests/{digest}")',
        'self.url(f"/v2/{name}/manifests/latest")',
        "handlers/test_manifests.py::test_the_answer_to_a_push_says_where_to_pull",
    ),
    _break(
        "handlers/manifests.py",
        "    if actual != digest:",
        "    if False:",
        "handlers/test_manifests.py::test_a_push_by_another_digest_stores_nothing",
    ),
    _break(
        "handlers/manifests.py",
        "digest, tags = target, self._tags()",
        "digest, tags = Digest.of(body), self._tags()",
        "handlers/test_manifests.py::test_a_push_by_digest_makes_no_tag",
    ),
    _break(
        "handlers/manifests.py",
        'response.headers["OCI-Tag"] = ", ".join(tags)',
        "pass",
        "handlers/test_manifests.py::test_a_push_by_digest_may_set_tags",
    ),
    _break(
        "handlers/manifests.py",
        "(self.request.content_length or 0) > limit",
        "(self.request.content_length or 0) > limit // 2",
        "handlers/test_manifests.py::test_a_manifest_has_a_largest_size",
    ),
    _break(
        "handlers/manifests.py",
        "if len(body) > limit:",
        "if False:",
        "handlers/test_manifests.py::test_a_manifest_has_a_largest_size",
    ),
    _break(
        "handlers/manifests.py",
        'response.headers["OCI-Subject"] = str(manifest.subject)',
        "pass",
        "handlers/test_manifests.py::test_a_subject_is_confirmed_whether_it_is_there_or_not",
        "handlers/test_referrers.py::test_the_subject_may_come_later",
    ),
    # Lists.
    _break(
        "handlers/tags.py",
        "if not tags and not self._is_known(name):",
        "if not tags:",
        "handlers/test_tags.py::test_a_repository_without_tags_has_an_empty_list",
    ),
    _break(
        "model/lexical_order.py",
        "heappush(held, (name, _latest(name, delimiter, last)))",
        'heappush(held, (name, ""))',
        "model/test_lexical_order.py::test_names_come_in_lexical_order",
        "handlers/test_tags.py::test_tags_are_listed_in_order_whole_and_page_by_page",
    ),
    _break(
        "handlers/paging.py",
        "        if more:",
        "        if False:",
        "handlers/test_tags.py::test_tags_are_listed_in_order_whole_and_page_by_page",
        "handlers/test_tags.py::test_a_list_that_fits_has_no_link",
    ),
    _break(
        "handlers/paging.py",
        "self.settings.page_size_max)",
        "10 * self.settings.page_size_max)",
        "handlers/test_tags.py::test_a_page_has_a_largest_size_and_says_that_there_is_more",
    ),
    _break(
        "handlers/paging.py",
        'rel="next"',
        "rel=next",
        "handlers/test_tags.py::test_a_list_that_fits_has_no_link",
        "test_app.py::test_a_link_to_the_next_page_is_right_behind_a_prefix",
    ),
    _break(
        "model/lexical_order.py",
        "more = bool(found) and next(names, None) is not None",
        "more = True",
        "handlers/test_tags.py::test_a_list_that_fits_has_no_link",
    ),
    _break(
        "handlers/paging.py",
        "return [], False",
        "size = 1",
        "handlers/test_tags.py::test_no_tags_wanted_is_an_empty_list",
    ),
    _break(
        "model/lexical_order.py",
        "if name <= last or name in asked:",
        "if name in asked:",
        "handlers/test_tags.py::test_tags_behind_last_need_not_know_it",
    ),
    _break(
        "handlers/tags.py", "grammar.parse_tag(last)", "pass", "handlers/test_tags.py::test_last_must_be_a_proper_name"
    ),
    # Referrers.
    _break(
        "handlers/referrers.py",
        '"manifests":[%s]}\' % (OCI_INDEX.encode(), b",".join(chosen))',
        '"manifests":%s}\' % (OCI_INDEX.encode(), b"[%s]" % b",".join(chosen) if chosen else b"null")',
        "handlers/test_referrers.py::test_what_nothing_refers_to_has_an_empty_list",
    ),
    _break(
        "handlers/referrers.py",
        "Response(index, content_type=OCI_INDEX)",
        'Response(index, content_type="application/json")',
        "handlers/test_referrers.py::test_a_referrer_is_listed_with_its_type_and_annotations",
    ),
    _break(
        "model/manifest.py",
        '_text(document, "artifactType") or config_type or None',
        '_text(document, "artifactType") or None',
        "handlers/test_referrers.py::test_the_artifact_type_is_the_specs",
    ),
    _break(
        "model/manifest.py",
        'entry["annotations"] = dict(self.annotations)',
        "pass",
        "handlers/test_referrers.py::test_a_referrer_is_listed_with_its_type_and_annotations",
    ),
    _break(
        "handlers/referrers.py",
        'response.headers["OCI-Filters-Applied"] = "artifactType"',
        "pass",
        "handlers/test_referrers.py::test_a_filter_by_artifact_type_says_that_it_was_applied",
    ),
    _break(
        "handlers/referrers.py",
        "if room < 0 and chosen:",
        "if False:",
        "handlers/test_referrers.py::test_an_answer_is_no_larger_than_clients_take",
    ),
    _break(
        "handlers/referrers.py",
        'response.headers["Link"] =',
        'response.headers["X-Link"] =',
        "handlers/test_referrers.py::test_an_answer_is_no_larger_than_clients_take",
        "handlers/test_referrers.py::test_a_long_list_comes_in_pages",
    ),
    _break(
        "handlers/referrers.py",
        "merge(chain(first, stored), tagged, key=str)",
        "merge(chain(first, stored), [], key=str)",
        "handlers/test_referrers.py::test_what_clients_listed_under_the_referrers_tag_is_listed_too",
    ),
    _break(
        "handlers/referrers.py",
        "{subject.hex[:64]}",
        "{subject.hex}",
        "handlers/test_referrers.py::test_a_subject_by_sha512_has_referrers",
    ),
    # Deleting.
    _break(
        "storage/deletion.py",
        "    if there:\n        store.remove_link(current)",
        "",
        "handlers/test_manifests.py::test_deleting_a_tag_leaves_its_manifest_and_its_neighbours",
    ),
    _break(
        "storage/deletion.py",
        "untagged = _untag(store, name, digest)",
        "untagged = False",
        "handlers/test_manifests.py::test_deleting_a_manifest_takes_its_tags_along_and_no_others",
    ),
    _break(
        "handlers/manifests.py",
        "if not self.settings.delete_enabled:",
        "if False:",
        "handlers/test_manifests.py::test_deleting_can_be_switched_off",
    ),
    _break(
        "handlers/blobs.py",
        "if not self.settings.delete_enabled:",
        "if False:",
        "handlers/test_blobs.py::test_deleting_can_be_disabled",
    ),
]
