"""What the server leans on in gevent.pywsgi, none of which gevent promises: this fails first when it changes."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

import pytest
from gevent import baseserver, pywsgi, socket
from gevent.server import StreamServer

from docker_registry.serving.acceptor import Server
from docker_registry.serving.handler import Handler

HANDLER, SERVER = pywsgi.WSGIHandler, pywsgi.WSGIServer


def named(function: Any) -> set[str]:
    """The attributes and globals that a function names."""
    assert isinstance(function, FunctionType), function
    return set(function.__code__.co_names)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (HANDLER.handle, {"handle_one_request", "time_start", "time_finish", "close"}),
        (HANDLER.handle_one_response, {"run_application", "wsgi_input", "_discard", "handle_error", "log_request"}),
        (HANDLER.handle_one_response, {"ignored_socket_errors", "headers_sent", "response_length", "status"}),
        (HANDLER.run_application, {"application", "environ", "start_response", "process_result", "result"}),
        (HANDLER.process_result, {"write", "headers_sent", "response_use_chunked", "_sendall"}),
        (HANDLER.write, {"_write_with_headers", "_write", "headers_sent"}),
        (HANDLER._write, {"_sendall", "response_use_chunked"}),
        (HANDLER._write_with_headers, {"headers_sent", "finalize_headers", "response_headers", "status", "_sendall"}),
        (HANDLER.finalize_headers, {"response_headers", "provided_content_length", "request_version", "result"}),
        (HANDLER.start_response, {"close_connection", "request_version", "response_headers", "code"}),
        (SERVER.handle, {"handler_class", "handle"}),
        (SERVER.get_environ, {"environ", "environ_class"}),
        (baseserver.BaseServer._do_read, {"full", "do_handle", "do_read"}),
        (baseserver.BaseServer.set_spawn, {"pool", "full"}),
        (baseserver.BaseServer.close, {"stop_accepting", "socket"}),
        (StreamServer.do_read, {"socket", "_accept"}),
    ],
)
def test_pywsgi_works_by_these_names(function: Any, names: set[str]) -> None:
    assert names <= named(function)


def test_what_is_replaced_is_there_to_be_replaced() -> None:
    ours = {name for name, value in vars(Handler).items() if inspect.isfunction(value)}
    replaced = {name for name in ours if hasattr(HANDLER, name)}
    assert replaced == {
        *("__init__", "handle_one_request", "get_environ", "handle_one_response", "finalize_headers"),
        *("_write_with_headers", "_sendall", "handle_error", "log_request", "run_application"),
    }
    for name in replaced - {"__init__"}:
        theirs = list(inspect.signature(getattr(HANDLER, name)).parameters)
        assert len(list(inspect.signature(getattr(Handler, name)).parameters)) == len(theirs), name
    assert {name for name in vars(Server) if hasattr(SERVER, name) and not name.startswith("__")} == {
        "do_handle",
        "handle",
        "handler_class",
    }


def test_a_handler_takes_a_stream_of_its_own() -> None:
    assert list(inspect.signature(HANDLER.__init__).parameters) == ["self", "sock", "address", "server", "rfile"]


def test_a_socket_has_the_systems_own() -> None:
    with socket.socket() as theirs:
        assert theirs._sock.fileno() == theirs.fileno()
