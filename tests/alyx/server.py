"""An Alyx server in memory, as far as registration uses one, with the real one's bad habits.

Written after the source of Alyx 3.6.1 (`data/views.py`, `data/transfers.py`, the serializers). What
it does without a word, and a client must not fall for:

- a file whose dataset type or data format is unknown is answered with null, or, with
  `breaks_on_unknown` and in Alyx 3.6.1 itself, with 500 after the files before it were registered;
- a file that is registered again loses its QC unless `qc` is given, and becomes the default
  revision unless `default` is false;
- who registers a file, or asks whether it is protected, is added to the users of the session;
- PUT of a session overwrites its start and users;
- a JSON field is written whole: merging is left to the client;
- text loses its outer white space.
"""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

PASSWORD = "correct-horse-battery"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
QC = ("NOT_SET", "PASS", "WARNING", "FAIL", "CRITICAL")
STATUSES = ("Waiting", "Held", "Started", "Errored", "Abandoned", "Empty", "Incomplete", "Complete")


class Error(Exception):
    """An answer that is not what was asked for."""

    def __init__(self, status: int, content: Any) -> None:
        self.status, self.content = status, content


@dataclass
class Fault:
    """A failure of requests whose method and path begin with `request`, so often.

    `how` is 'silence' (the connection is closed and nothing done), 'lost' (done, but the connection
    is closed), 'slow' (done, answered after `seconds`), or a status to answer with `content`.
    """

    request: str
    how: str | int
    times: int = 1
    content: Any = "<html>Bad gateway</html>"
    seconds: float = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    files: dict[str, tuple[str, bytes]]
    user: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Alyx:
    """The state of the server, and the server. Use as a context manager."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.users = {"lab_manager": PASSWORD, "experimenter": "x", "robot": "x"}
        self.subjects = {
            "KB001": {"lab": "my_lab", "responsible_user": "lab_manager", "projects": []}
        }
        self.labs, self.projects = ["my_lab"], ["brainwide"]
        self.procedures = ["Behavior training/tasks"]
        self.repositories = ["my_lab_server"]
        self.types = [
            ("camera.times", "*Camera.times.*"),
            ("camera.dlc", "*Camera.dlc.*"),
            ("licks.times", ""),
            ("_iblrig_Camera.raw", "_iblrig_*Camera.raw.*"),
        ]
        self.formats = [".npy", ".pqt", ".mp4"]
        self.page_size = 250
        self.breaks_on_unknown = False
        self.null_for: set[str] = set()
        """Names of files that are answered with null although their type is listed."""
        self.sessions: dict[str, dict] = {}
        self.datasets: dict[str, dict] = {}
        self.notes: dict[str, dict] = {}
        self.tasks: dict[str, dict] = {}
        self.protected: set[str] = set()
        """Ids of datasets with a protecting tag."""
        self.faults: list[Fault] = []
        self.requests: list[Request] = []

    def __enter__(self) -> "Alyx":
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def writes(self) -> list[str]:
        """Requests that may change something, other than the login."""
        return [
            str(each)
            for each in self.requests
            if each.method != "GET" and each.path != "/auth-token"
        ]

    def add_session(self, subject: str, date: str, number: int, **fields: Any) -> str:
        eid = str(uuid.uuid4())
        self.sessions[eid] = {
            "id": eid,
            "subject": subject,
            "number": number,
            "start_time": f"{date}T10:20:30",
            "users": ["experimenter"],
            "lab": "my_lab",
            "projects": [],
            "procedures": [],
            "task_protocol": "",
            "type": "Experiment",
            "qc": "NOT_SET",
            "extended_qc": None,
            **fields,
        }
        return eid

    def add_dataset(self, eid: str, path: str, **fields: Any) -> str:
        path = PurePosixPath(path)
        revision = path.parent.name.strip("#") if path.parent.name.startswith("#") else ""
        folder = path.parent.parent if revision else path.parent
        id_ = str(uuid.uuid4())
        self.datasets[id_] = {
            "url": f"http://internal.invalid/datasets/{id_}",
            "session": f"http://internal.invalid/sessions/{eid}",
            "collection": "" if folder == PurePosixPath(".") else folder.as_posix(),
            "revision": revision,
            "name": path.name,
            "hash": "",
            "file_size": None,
            "version": "",
            "qc": "NOT_SET",
            "default_dataset": True,
            "created_by": "experimenter",
            "file_records": [],
            **fields,
        }
        return id_

    def exists(self, path: str) -> dict[str, bool]:
        """Presence of a dataset, by repository."""
        records = self.dataset(path)["file_records"]
        return {each["data_repository"]: each["exists"] for each in records}

    def dataset(self, path: str) -> dict:
        """The one dataset of this path in its session."""
        (found,) = (each for each in self.datasets.values() if _path(each) == path)
        return found

    # Endpoints

    def answer(self, request: Request) -> tuple[int, Any]:
        method, _, id_ = request.path[1:].partition("/")
        name = f"{request.method.lower()}_{method.replace('-', '_')}{'_one' if id_ else ''}"
        endpoint: Callable[..., tuple[int, Any]] | None = getattr(self, name, None)
        if endpoint is None:
            raise Error(404, "<html>Page not found</html>")
        return endpoint(request, id_) if id_ else endpoint(request)

    def post_auth_token(self, request: Request) -> tuple[int, Any]:
        login = request.body.get("username")
        if login not in self.users or self.users[login] != request.body.get("password"):
            raise Error(400, {"non_field_errors": ["Unable to log in with provided credentials."]})
        return 200, {"token": self.token}

    def get_users(self, request: Request) -> tuple[int, Any]:
        return self._page(request, [{"username": name} for name in self.users])

    def get_subjects_one(self, request: Request, nickname: str) -> tuple[int, Any]:
        if nickname not in self.subjects:
            raise Error(404, {"detail": "No Subject matches the given query."})
        return 200, {"nickname": nickname, **self.subjects[nickname]}

    def get_users_one(self, request: Request, username: str) -> tuple[int, Any]:
        if username not in self.users:
            raise Error(404, {"detail": "No LabMember matches the given query."})
        return 200, {"username": username}

    def get_dataset_types(self, request: Request) -> tuple[int, Any]:
        names = [{"name": name, "filename_pattern": pattern} for name, pattern in self.types]
        return self._page(request, names)

    def get_data_formats(self, request: Request) -> tuple[int, Any]:
        return self._page(request, [{"name": e[1:], "file_extension": e} for e in self.formats])

    def get_sessions(self, request: Request) -> tuple[int, Any]:
        query = request.query
        first, last = query.get("date_range", "0,9").split(",")
        found = [
            {key: each[key] for key in ("id", "subject", "start_time", "number", "lab")}
            for each in self.sessions.values()
            if each["subject"].lower() == query["subject"].lower()
            and first <= each["start_time"][:10] <= last
            and each["number"] == int(query.get("number", each["number"]))
        ]
        return self._page(request, found)

    def post_sessions(self, request: Request) -> tuple[int, Any]:
        body = dict(request.body)
        self._check_names(body)
        eid = self.add_session(body["subject"], body["start_time"][:10], body["number"])
        self.sessions[eid] |= {**body, "users": body.get("users") or [request.user]}
        return 201, self.sessions[eid]

    def get_sessions_one(self, request: Request, eid: str) -> tuple[int, Any]:
        return 200, self._known(self.sessions, eid)

    def patch_sessions_one(self, request: Request, eid: str) -> tuple[int, Any]:
        self._known(self.sessions, eid)
        if request.body.get("qc", "PASS") not in QC:
            raise Error(400, {"qc": [f"Invalid qc, choices are: {', '.join(QC)}"]})
        self.sessions[eid].update(request.body)
        return 200, self.sessions[eid]

    put_sessions_one = patch_sessions_one

    def get_datasets(self, request: Request) -> tuple[int, Any]:
        query = request.query
        found = [
            {**each, "protected": id_ in self.protected}
            for id_, each in self.datasets.items()
            if each["session"].endswith(query.get("session", ""))
            and self._subject_of(each) == query.get("subject", self._subject_of(each))
            and query.get("protected") in (None, str(id_ in self.protected))
        ]
        return self._page(request, found)

    def _subject_of(self, dataset: dict) -> str:
        return self.sessions[dataset["session"].rpartition("/")[2]]["subject"]

    def patch_datasets_one(self, request: Request, id_: str) -> tuple[int, Any]:
        self._known(self.datasets, id_).update(request.body)
        return 200, self.datasets[id_]

    @staticmethod
    def _file_record(dataset: dict, repository: str) -> dict:
        records = dataset["file_records"]
        for each in records:
            if each["data_repository"] == repository:
                return each
        records.append({"id": str(uuid.uuid4()), "data_repository": repository, "exists": False})
        return records[-1]

    def get_data_repository(self, request: Request) -> tuple[int, Any]:
        return self._page(request, [{"name": name} for name in self.repositories])

    def get_files(self, request: Request) -> tuple[int, Any]:
        return self._page(request, self.datasets[request.query["dataset"]]["file_records"])

    def post_files(self, request: Request) -> tuple[int, Any]:
        body = request.body
        if body["data_repository"] not in self.repositories:
            raise Error(400, {"data_repository": ["Object does not exist."]})
        dataset = self._known(self.datasets, body["dataset"].rpartition("/")[2])
        if not body["relative_path"].endswith(_path(dataset)):
            raise Error(400, {"relative_path": ["Enter a valid value."]})
        if body["data_repository"] in {r["data_repository"] for r in dataset["file_records"]}:
            raise Error(400, {"non_field_errors": ["The fields must make a unique set."]})
        record = self._file_record(dataset, body["data_repository"])
        record["exists"] = body["exists"]
        return 201, record

    def patch_files_one(self, request: Request, id_: str) -> tuple[int, Any]:
        every = (each for d in self.datasets.values() for each in d["file_records"])
        record = self._known({each["id"]: each for each in every}, id_)
        record.update(request.body)
        return 200, record

    def get_check_protected(self, request: Request) -> tuple[int, Any]:
        eid = self._session_of(request)
        found = self._protection(eid, request.body["filenames"])
        if any(yes for file in found for each in file.values() for r in each for yes in r.values()):
            return 200, {
                "status_code": 403,
                "error": "One or more datasets is protected",
                "details": found,
            }
        return 200, {"status_code": 200, "details": "None of the datasets are protected"}

    def post_register_file(self, request: Request) -> tuple[int, Any]:
        body = request.body
        if body.get("name") and body["name"] not in self.repositories:
            raise Error(400, {"detail": "The specified repository does not exist."})
        eid = self._session_of(request)
        names = body["filenames"]
        if body.get("check_protected"):
            found = self._protection(eid, names)
            if any(y for f in found for each in f.values() for r in each for y in r.values()):
                raise Error(403, {"error": "One or more datasets is protected", "details": found})
        qcs = body.get("qc") or ["NOT_SET"] * len(names)
        facts = zip(names, body["hashes"], body["filesizes"], body["versions"], qcs, strict=True)
        return 201, [self._register(eid, request, name, *each) for name, *each in facts]

    def _register(
        self, eid: str, request: Request, path: str, md5: str, size: int, version: str, qc: str
    ) -> dict | None:
        name = PurePosixPath(path).name
        typed = [
            type_
            for type_, pattern in self.types
            if (fnmatch(name.lower(), pattern.lower()) if pattern else name.startswith(type_))
        ]
        if len(typed) != 1 or PurePosixPath(name).suffix not in self.formats:
            if self.breaks_on_unknown:
                raise ValueError(f'No dataset type found for filename "{name}"')
            return None
        if name in self.null_for:
            return None
        default = request.body.get("default", True)
        new = PurePosixPath(path)
        id_ = next((i for i, each in self._of(eid) if _path(each) == path), None)
        if id_ is None:
            id_ = self.add_dataset(eid, path)
        dataset = self.datasets[id_]
        if default:
            for _, each in self._of(eid):
                if (each["collection"], each["name"]) == (dataset["collection"], new.name):
                    each["default_dataset"] = False
        dataset |= {"default_dataset": default is True, "qc": qc}
        self.datasets[id_] = dataset
        if id_ in self.protected:
            raise Error(403, {"detail": f"Dataset {id_} is protected, cannot patch"})
        dataset |= {"hash": md5, "file_size": size, "version": version or dataset["version"]}
        dataset["created_by"] = request.body.get("created_by") or request.user
        if repository := request.body.get("name"):
            self._file_record(dataset, repository)["exists"] = request.body.get("exists", True)
        dataset["exists"] = bool(request.body.get("name")) and request.body.get("exists", True)
        return {"id": id_, "name": name, "qc": dataset["qc"], "default": default}

    def get_notes(self, request: Request) -> tuple[int, Any]:
        field_, value = request.query["django"].split(",")
        return self._page(request, [n for n in self.notes.values() if n[field_] == value])

    def post_notes(self, request: Request) -> tuple[int, Any]:
        body, id_ = request.body, str(uuid.uuid4())
        if body.get("user") not in self.users:
            raise Error(400, {"user": ["This field is required."]})
        self._known(self.sessions, body["object_id"])
        name, content = request.files["image"]
        if not content.startswith(b"\x89PNG"):
            raise Error(400, {"image": ["Upload a valid image."]})
        self.notes[id_] = {
            "id": id_,
            "user": body["user"],
            "object_id": body["object_id"],
            "content_type": f"actions.{body['content_type']}",
            "text": body["text"].strip(),
            "json": json.loads(body["json"]),
            "width": body["width"],
            "image": f"{self.url}/uploaded/{name}",
            "content": content.hex(),
        }
        return 201, self.notes[id_]

    def delete_notes_one(self, request: Request, id_: str) -> tuple[int, Any]:
        self._known(self.notes, id_)
        del self.notes[id_]
        return 204, None

    def get_tasks(self, request: Request) -> tuple[int, Any]:
        eid = request.query["session"]
        return self._page(request, [t for t in self.tasks.values() if t["session"] == eid])

    def post_tasks(self, request: Request) -> tuple[int, Any]:
        body = request.body
        same = ("name", "session", "arguments")
        for task in self.tasks.values():
            if all(task[key] == body[key] for key in same):
                raise Error(400, {"non_field_errors": ["The fields must make a unique set."]})
        id_ = str(uuid.uuid4())
        self.tasks[id_] = {"id": id_, **self._task_fields(body)}
        return 201, self.tasks[id_]

    def patch_tasks_one(self, request: Request, id_: str) -> tuple[int, Any]:
        self._known(self.tasks, id_).update(self._task_fields(request.body))
        return 200, self.tasks[id_]

    @staticmethod
    def _task_fields(body: dict) -> dict:
        for key in ("name", "version"):
            if len(body.get(key, "")) > 64:
                raise Error(400, {key: ["Ensure this field has no more than 64 characters."]})
        if body.get("status", "Complete") not in STATUSES:
            raise Error(400, {"status": [f"Invalid status, choices are: {STATUSES}"]})
        if "\0" in body.get("log", ""):
            raise Error(400, {"log": ["Null characters are not allowed."]})
        return {k: v.strip() if isinstance(v, str) else v for k, v in body.items()}

    def _check_names(self, body: dict) -> None:
        for key, names in (
            ("users", self.users),
            ("projects", self.projects),
            ("procedures", self.procedures),
        ):
            for name in body.get(key, ()):
                if name not in names:
                    raise Error(400, {key: [f"Object with name={name} does not exist."]})
        if body.get("lab", "my_lab") not in self.labs:
            raise Error(400, {"lab": [f"Object with name={body['lab']} does not exist."]})
        if body["subject"] not in self.subjects:
            raise Error(400, {"subject": ["Object does not exist."]})

    def _session_of(self, request: Request) -> str:
        subject, date, number = request.body["path"].split("/")[:3]
        user = request.body.get("created_by") or request.user
        for eid, each in self.sessions.items():
            key = (each["subject"], each["start_time"][:10], each["number"])
            if key == (subject, date, int(number)):
                if user not in each["users"]:
                    each["users"] = [*each["users"], user]
                return eid
        raise Error(400, {"error": f"A base session for {subject} on {date} does not exist"})

    def _of(self, eid: str) -> list[tuple[str, dict]]:
        return [(i, each) for i, each in self.datasets.items() if each["session"].endswith(eid)]

    def _protection(self, eid: str, names: list[str]) -> list[dict]:
        """By file: its revisions, newest first and the original last, and whether protected."""
        found = []
        for name in names:
            path = PurePosixPath(name)
            folder = path.parent.parent if path.parent.name.startswith("#") else path.parent
            revisions = {
                each["revision"]: id_ in self.protected
                for id_, each in self._of(eid)
                if (each["collection"], each["name"]) == (folder.as_posix(), path.name)
            }
            found.append({name: [{r: revisions[r]} for r in sorted(revisions, reverse=True)]})
        return found

    def _page(self, request: Request, records: list) -> tuple[int, Any]:
        limit = min(int(request.query.get("limit", self.page_size)), self.page_size)
        offset = int(request.query.get("offset", 0))
        next_ = None
        if offset + limit < len(records):
            query = urlencode({**request.query, "limit": limit, "offset": offset + limit})
            next_ = f"http://internal.invalid{request.path}?{query}"
        results = records[offset : offset + limit]
        return 200, {"count": len(records), "next": next_, "previous": None, "results": results}

    @staticmethod
    def _known(records: dict[str, dict], id_: str) -> dict:
        if id_ not in records:
            raise Error(404, {"detail": "Not found."})
        return records[id_]


def _path(dataset: dict) -> str:
    revision = f"#{dataset['revision']}#" if dataset["revision"] else ""
    return PurePosixPath(dataset["collection"], revision, dataset["name"]).as_posix()


def _handler(alyx: Alyx) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _serve(self) -> None:
            request = _read(self)
            alyx.requests.append(request)
            fault = next(
                (f for f in alyx.faults if f.times and str(request).startswith(f.request)), None
            )
            if fault:
                fault.times -= 1
            if fault and fault.how == "silence":
                self.close_connection = True
                return
            if fault and isinstance(fault.how, int):
                self._reply(fault.how, fault.content, fault.headers)
                return
            status, content = self._answer(request)
            if fault and fault.how == "lost":
                self.close_connection = True
                return
            if fault and fault.how == "slow":
                time.sleep(fault.seconds)
            self._reply(status, content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _answer(self, request: Request) -> tuple[int, Any]:
            try:
                if request.path != "/auth-token":
                    if self.headers.get("Authorization") != f"Token {alyx.token}":
                        raise Error(403, {"detail": "Invalid token."})
                    request.user = "lab_manager"
                return alyx.answer(request)
            except Error as error:
                return error.status, error.content
            except Exception as error:
                return 500, {"status_code": 500, "detail": f"{type(error).__name__}: {error}"}

        def _reply(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
            is_html = isinstance(content, str)
            body = b"" if status == 204 else (content if is_html else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if is_html else "application/json")
            self.send_header("Content-Length", str(len(body)))
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.end_headers()
            try:
                self.wfile.write(body)
                self.wfile.flush()
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _read(handler: BaseHTTPRequestHandler) -> Request:
    parts = urlsplit(handler.path)
    raw = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    kind = handler.headers.get("Content-Type", "")
    body: Any = None
    files: dict[str, tuple[str, bytes]] = {}
    if kind.startswith("application/json"):
        body = json.loads(raw)
    elif kind.startswith("multipart/form-data"):
        body, files = _form(raw, kind.partition("boundary=")[2].encode())
    elif raw:
        body = {key: values[0] for key, values in parse_qs(raw.decode()).items()}
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return Request(handler.command, parts.path, query, body, files)


def _form(raw: bytes, boundary: bytes) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
    fields, files = {}, {}
    for part in raw.split(b"--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        content = content.removesuffix(b"\r\n")
        words = head.decode().split('"')
        if "filename=" in head.decode():
            files[words[1]] = (words[3], content)
        else:
            fields[words[1]] = content.decode()
    return fields, files
