"""Serve Keystone on a socket that the starting process has bound; runs in Keystone's own environment, Python 2.7 or 3.

    keystone_server.py FD REQUESTS.LOG    (OS_KEYSTONE_CONFIG_FILES names keystone.conf)

Ends when standard input does. The log gets a line per request: method, path, status.
"""

import os
import socket
import sys
import threading

try:
    from socketserver import ThreadingMixIn
except ImportError:
    from SocketServer import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


def application():
    """Keystone's WSGI application. It parses sys.argv."""
    sys.argv = ["keystone"]
    try:
        from keystone.wsgi.api import application
    except ImportError:
        from keystone.server.wsgi import initialize_public_application

        return initialize_public_application()
    return application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def log_request(self, code="-", size="-"):
        pass  # it would come after the answer: too late for who counts then


def logged(app):
    """The same application; a request is in the log before its answer is sent.

    One at a time: over SQLite it answers 500 to who would write while another reads ("database is locked").
    """
    turn = threading.Lock()

    def call(environ, start_response):
        asked = environ["REQUEST_METHOD"] + " " + environ["PATH_INFO"]

        def note(status, *arguments):
            os.write(log, (asked + " " + status + "\n").encode())
            return start_response(status, *arguments)

        with turn:
            return list(app(environ, note))

    return call


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


listener, log = int(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
watch = threading.Thread(target=end_with_parent)
watch.daemon = True
watch.start()
app = logged(application())
server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket = socket.fromfd(listener, socket.AF_INET, socket.SOCK_STREAM)
server.server_name, server.server_port = server.socket.getsockname()
server.setup_environ()
server.set_app(app)
server.serve_forever()
