"""One way to break what each test named in docs/spec.md shows; `test_breakages.py` sees each test fail of it.

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
        "grammar.py",
        "_NAME.fullmatch(text)",
        "_NAME.match(text)",
        "test_grammar.py::test_names_are_the_specs",
        "test_app.py::test_a_malformed_name_is_a_400",
    ),
    _break("grammar.py", "_TAG.fullmatch(text)", "_TAG.match(text)", "test_grammar.py::test_tags_are_the_specs"),
    _break(
        "grammar.py",
        'return parse_digest(text) if ":" in text else parse_tag(text)',
        "return Tag(text)",
        "test_grammar.py::test_a_reference_is_a_digest_or_a_tag_or_an_error_for_the_client",
        "test_manifests.py::test_a_push_by_another_digest_stores_nothing",
    ),
    _break(
        "manifests.py",
        "raise _unknown(name, reference, str(error)) from None",
        "raise",
        "test_manifests.py::test_what_cannot_have_that_name_is_not_there",
    ),
    _break(
        "routes.py",
        '(r"/v2", base.Base)',
        '(r"/v1", base.Base)',
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
        "test_manifests.py::test_what_is_not_there_is_a_404",
    ),
    # Pulling manifests.
    _break(
        "manifests.py",
        "content_type=manifest.media_type)",
        'content_type=f"{manifest.media_type}; charset=utf-8")',
        "test_manifests.py::test_parameters_of_the_content_type_are_ignored",
    ),
    _break(
        "manifests.py",
        "content_type=manifest.media_type)",
        "content_type=messages.OCI_MANIFEST)",
        "test_manifests.py::test_an_index_needs_its_manifests",
    ),
    _break(
        "messages.py",
        'return OCI_INDEX if "manifests" in document else OCI_MANIFEST',
        "return OCI_MANIFEST",
        "test_messages.py::test_the_type_is_told_again_from_the_bytes_alone",
    ),
    _break(
        "manifests.py",
        "Response(manifest.body, headers",
        'Response(manifest.body.replace(b"\\n", b""), headers',
        "test_manifests.py::test_a_manifest_comes_back_byte_for_byte",
    ),
    _break(
        "manifests.py",
        '"Docker-Content-Digest": str(digest), ',
        "",
        "test_manifests.py::test_a_manifest_comes_back_byte_for_byte",
    ),
    _break(
        "layout.py",
        'return f"{manifests(name)}/revisions/{_pair(digest)}/link"',
        'return f"{REPOSITORIES}/_revisions/{_pair(digest)}/link"',
        "test_manifests.py::test_a_manifest_is_only_in_the_repository_it_was_pushed_to",
    ),
    _break(
        "resource.py",
        'verbs.insert(1, "head")',
        "pass",
        "test_manifests.py::test_head_has_the_headers_of_get_and_no_body",
    ),
    _break(
        "manifests.py",
        "return Response(status=304, headers=_headers(digest))",
        "pass",
        "test_manifests.py::test_who_has_it_already_is_told_so",
    ),
    # Pulling blobs.
    _break("blobs.py", "Response(reader, headers", "Response(None, headers", "test_blobs.py::test_get_and_head"),
    _break(
        "blobs.py",
        '"Cache-Control": _FOREVER, "Docker-Content-Digest": str(digest)}',
        '"Cache-Control": _FOREVER}',
        "test_blobs.py::test_get_and_head",
    ),
    _break(
        "blobs.py",
        'response.headers["Content-Length"] = str(length)',
        'response.headers["Content-Length"] = "0"',
        "test_blobs.py::test_get_and_head",
    ),
    _break(
        "layout.py",
        'return f"{repository(name)}/_layers/{_pair(digest)}/link"',
        'return f"{REPOSITORIES}/_layers/{_pair(digest)}/link"',
        "test_blobs.py::test_a_blob_of_another_repository_is_unknown",
        "test_blobs.py::test_delete_takes_the_blob_out_of_one_repository",
    ),
    _break(
        "store.py",
        "return None if size is None else (stored, size)",
        "return stored, size or 0",
        "test_blobs.py::test_a_link_whose_data_is_gone_is_no_blob",
    ),
    _break("blobs.py", "response.status_code = 206", "response.status_code = 200", "test_blobs.py::test_ranges"),
    _break(
        "ranges.py",
        "return int(digits) if",
        "return 1 + int(digits) if",
        "test_blob_properties.py::test_a_range_is_a_slice",
    ),
    # Pushing blobs.
    _break(
        "uploads.py",
        "return Response(status=201, headers=headers)",
        "return Response(status=200, headers=headers)",
        "test_uploads.py::TestMonolithic::test_put",
        "test_uploads.py::TestMonolithic::test_post",
        "test_uploads.py::TestChunked::test_the_blob_is_there",
    ),
    _break(
        "uploads.py",
        'headers = {"Location": self.url(f"/v2/{name}/blobs/{digest}"), ',
        "headers = {",
        "test_uploads.py::TestMonolithic::test_put",
        "test_uploads.py::TestMonolithic::test_post",
    ),
    _break(
        "intake.py",
        "if found != digest:",
        "if False:",
        "test_uploads.py::TestMonolithic::test_a_wrong_digest",
    ),
    _break(
        "uploads.py",
        'response.headers["OCI-Chunk-Min-Length"] = str(CHUNK_MIN_LENGTH)',
        "pass",
        "test_uploads.py::TestChunked::test_the_least_chunk_is_announced",
    ),
    _break(
        "uploads.py",
        'self.request.args.get("digest-algorithm", "sha256")',
        '"sha256"',
        "test_uploads.py::TestSession::test_an_unknown_algorithm",
    ),
    _break(
        "uploads.py",
        "if first != session.offset:",
        "if False:",
        "test_uploads.py::TestChunked::test_out_of_order_says_where_to_go_on",
        "test_uploads.py::TestChunked::test_the_first_chunk_starts_at_0",
    ),
    _break(
        "uploads.py",
        "raise RegistryError(Code.BLOB_UPLOAD_INVALID, str(error)) from None",
        "return Body(self.request), False",
        "test_uploads.py::TestChunked::test_a_malformed_range",
    ),
    _break(
        "uploads.py",
        '"Range": f"0-{max(session.offset - 1, 0)}",',
        '"Range": f"0-{session.offset}",',
        "test_uploads.py::TestChunked::test_the_blob_is_there",
        "test_uploads.py::TestSession::test_status_of_each_stage",
    ),
    _break(
        "digest.py",
        ', "sha512": hashlib.sha512',
        "",
        "test_uploads.py::TestChunked::test_sha512",
    ),
    _break(
        "uploads.py",
        'if "digest" not in self.request.args:',
        "if False:",
        "test_uploads.py::TestSession::test_a_closing_put_without_a_digest",
    ),
    _break(
        "grammar.py",
        "raise RegistryError(Code.DIGEST_INVALID, str(error)) from None",
        "raise RegistryError(Code.UNKNOWN, str(error)) from None",
        "test_uploads.py::TestSession::test_a_malformed_closing_digest",
        "test_referrers.py::test_a_bad_digest_is_a_400",
    ),
    _break(
        "uploads.py",
        "self.intake.cancel(self._open(name, session))",
        "self._open(name, session)",
        "test_uploads.py::TestChunked::test_a_cancel_leaves_nothing",
    ),
    _break(
        "sessions.py",
        "if expires < time.time():",
        "if False:",
        "test_uploads.py::TestSession::test_an_expired_url_is_unknown",
    ),
    _break(
        "intake.py",
        "found = self._store.find_blob(source, digest, fresh=True)",
        "found = digest, 0",
        "test_uploads.py::TestMount::test_a_normal_upload_begins_where_there_is_nothing_to_mount",
    ),
    _break(
        "intake.py",
        "self._store.write_link(layout.layer_link(repository, digest), found[0])",
        "pass",
        "test_uploads.py::TestMount::test_the_blob_is_served_there_too",
    ),
    # Pushing manifests.
    _break(
        "publishing.py",
        "    if missing:",
        "    if False:",
        "test_manifests.py::test_missing_blobs_are_all_named",
        "test_manifests.py::test_an_index_needs_its_manifests",
    ),
    _break(
        "messages.py",
        'content_type.partition(";")[0]',
        "content_type",
        "test_manifests.py::test_parameters_of_the_content_type_are_ignored",
    ),
    _break(
        "manifests.py",
        'self.url(f"/v2/{name}/manifests/{digest}")',
        'self.url(f"/v2/{name}/manifests/latest")',
        "test_manifests.py::test_the_answer_to_a_push_says_where_to_pull",
    ),
    _break(
        "manifests.py",
        "    if actual != digest:",
        "    if False:",
        "test_manifests.py::test_a_push_by_another_digest_stores_nothing",
    ),
    _break(
        "manifests.py",
        "digest, tags = target, self._tags()",
        "digest, tags = Digest.of(body), self._tags()",
        "test_manifests.py::test_a_push_by_digest_makes_no_tag",
    ),
    _break(
        "manifests.py",
        'response.headers["OCI-Tag"] = ", ".join(tags)',
        "pass",
        "test_manifests.py::test_a_push_by_digest_may_set_tags",
    ),
    _break(
        "manifests.py",
        "(self.request.content_length or 0) > limit",
        "(self.request.content_length or 0) > limit // 2",
        "test_manifests.py::test_a_manifest_has_a_largest_size",
    ),
    _break(
        "manifests.py",
        "if len(body) > limit:",
        "if False:",
        "test_manifests.py::test_a_manifest_has_a_largest_size",
    ),
    _break(
        "manifests.py",
        'response.headers["OCI-Subject"] = str(manifest.subject)',
        "pass",
        "test_manifests.py::test_a_subject_is_confirmed_whether_it_is_there_or_not",
        "test_referrers.py::test_the_subject_may_come_later",
    ),
    # Lists.
    _break(
        "tags.py",
        "if not tags and not self._is_known(name):",
        "if not tags:",
        "test_tags.py::test_a_repository_without_tags_has_an_empty_list",
    ),
    _break(
        "order.py",
        "heappush(held, (name, _latest(name, delimiter, last)))",
        'heappush(held, (name, ""))',
        "test_order.py::test_names_come_in_lexical_order",
        "test_tags.py::test_tags_are_listed_in_order_whole_and_page_by_page",
    ),
    _break(
        "paging.py",
        "        if more:",
        "        if False:",
        "test_tags.py::test_tags_are_listed_in_order_whole_and_page_by_page",
        "test_tags.py::test_a_list_that_fits_has_no_link",
    ),
    _break(
        "paging.py",
        "self.settings.page_size_max)",
        "10 * self.settings.page_size_max)",
        "test_tags.py::test_a_page_has_a_largest_size_and_says_that_there_is_more",
    ),
    _break(
        "paging.py",
        'rel="next"',
        "rel=next",
        "test_tags.py::test_a_list_that_fits_has_no_link",
        "test_app.py::test_a_link_to_the_next_page_is_right_behind_a_prefix",
    ),
    _break(
        "order.py",
        "more = bool(found) and next(names, None) is not None",
        "more = True",
        "test_tags.py::test_a_list_that_fits_has_no_link",
    ),
    _break(
        "paging.py",
        "return [], False",
        "size = 1",
        "test_tags.py::test_no_tags_wanted_is_an_empty_list",
    ),
    _break(
        "order.py",
        "if name <= last or name in asked:",
        "if name in asked:",
        "test_tags.py::test_tags_behind_last_need_not_know_it",
    ),
    _break("tags.py", "grammar.parse_tag(last)", "pass", "test_tags.py::test_last_must_be_a_proper_name"),
    # Referrers.
    _break(
        "referrers.py",
        'index = {"schemaVersion": 2, "mediaType": messages.OCI_INDEX, "manifests": chosen}',
        'index = {"schemaVersion": 2, "mediaType": messages.OCI_INDEX, "manifests": chosen or None}',
        "test_referrers.py::test_what_nothing_refers_to_has_an_empty_list",
    ),
    _break(
        "referrers.py",
        "Response(json.dumps(index), content_type=messages.OCI_INDEX)",
        'Response(json.dumps(index), content_type="application/json")',
        "test_referrers.py::test_a_referrer_is_listed_with_its_type_and_annotations",
    ),
    _break(
        "messages.py",
        '_text(document, "artifactType") or config_type or None',
        '_text(document, "artifactType") or None',
        "test_referrers.py::test_the_artifact_type_is_the_specs",
    ),
    _break(
        "messages.py",
        'entry["annotations"] = dict(self.annotations)',
        "pass",
        "test_referrers.py::test_a_referrer_is_listed_with_its_type_and_annotations",
    ),
    _break(
        "referrers.py",
        'response.headers["OCI-Filters-Applied"] = "artifactType"',
        "pass",
        "test_referrers.py::test_a_filter_by_artifact_type_says_that_it_was_applied",
    ),
    _break(
        "referrers.py",
        "if room < 0 and chosen:",
        "if False:",
        "test_referrers.py::test_an_answer_is_no_larger_than_clients_take",
    ),
    _break(
        "referrers.py",
        'response.headers["Link"] =',
        'response.headers["X-Link"] =',
        "test_referrers.py::test_an_answer_is_no_larger_than_clients_take",
        "test_referrers.py::test_a_long_list_comes_in_pages",
    ),
    _break(
        "referrers.py",
        "merge(chain(first, stored), tagged, key=str)",
        "merge(chain(first, stored), [], key=str)",
        "test_referrers.py::test_what_clients_listed_under_the_referrers_tag_is_listed_too",
    ),
    _break(
        "referrers.py",
        "{subject.hex[:64]}",
        "{subject.hex}",
        "test_referrers.py::test_a_subject_by_sha512_has_referrers",
    ),
    # Deleting.
    _break(
        "deletion.py",
        "return store.remove_link(layout.tag_current(name, tag))",
        "return store.read_link(layout.tag_current(name, tag)) is not None",
        "test_manifests.py::test_deleting_a_tag_leaves_its_manifest_and_its_neighbours",
    ),
    _break(
        "deletion.py",
        "    _untag(store, name, digest)\n    if",
        "    if",
        "test_manifests.py::test_deleting_a_manifest_takes_its_tags_along_and_no_others",
    ),
    _break(
        "manifests.py",
        "if not self.settings.delete_enabled:",
        "if False:",
        "test_manifests.py::test_deleting_can_be_switched_off",
    ),
    _break(
        "blobs.py",
        "if not self.settings.delete_enabled:",
        "if False:",
        "test_blobs.py::test_deleting_can_be_disabled",
    ),
]
