#!/usr/bin/python3
"""Keeps what is posted to 127.0.0.1:9094/NAME in DIRECTORY/NAME.jsonl, a line for each."""

import http.server
import json
import os
import sys


class Hears(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(os.path.join(sys.argv[1], os.path.basename(self.path) + ".jsonl"), "a") as heard:
            heard.write(json.dumps(said) + "\n")
        self.send_response(200)
        self.end_headers()


http.server.HTTPServer(("127.0.0.1", 9094), Hears).serve_forever()
