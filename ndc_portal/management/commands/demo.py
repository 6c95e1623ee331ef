"""manage.py demo: build the sources, set up the state, run one whole exchange, and show what it took."""

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections

from evidence import ledger
from evidence.models import Entry
from exchange.fulfilment import plans
from exchange.models import Agreement, Delivery
from exchange.states import DELIVERY, DeliveryStatus
from ndc_portal.demo import cast, catalogue, changes, figures, sources, story, values
from registry.connectors import postgresql_statements

PATIENCE = 120  # seconds until the demo stops waiting for the delivery


class Command(BaseCommand):
    help = "Runs one exchange from the clerk's form to the delivered file and writes var/demo/summary.json."

    def add_arguments(self, parser):
        parser.add_argument("--people", type=int, default=1_000_000, help="fictitious people, default 1,000,000")

    def handle(self, *args, **options):
        self.folder: Path = settings.VAR_DIR / "demo"
        self.folder.mkdir(parents=True, exist_ok=True)
        logging.getLogger("django-q").setLevel(logging.WARNING)  # the story is told by `say`
        self.started = self.last = time.monotonic()
        call_command("migrate", verbosity=0)
        self.say("Portal", "database ready")
        built, users, passwords = self._set_up(options["people"])
        people = story.Cast.of(users)
        request = story.file_request(people, self.say)
        agreement = story.decide(people, request, self.say)
        delivery, memory = self._deliver(agreement)
        content = story.download(people, delivery, self.say)
        checked = figures.compare(
            content, dbname=built.population_dbname, province=story.PROVINCE, key=plans.pseudonym_key(agreement)
        )
        self.say(
            "Portal",
            f"{checked['rows']:,} rows and {len(checked['columns'])} columns equal a query of its own on the source",
        )
        speed = self._speed(agreement, delivery, built.population_dbname)
        key = figures.one_key(dbname=built.population_dbname, province=story.PROVINCE)
        _agreement, lookup = story.look_up(people, key, self.say)
        story.leave_work(people, self.say)
        seen = values.look(operator=users["ndc.vanhanh"])
        self.say(
            "Operator of the National Data Centre",
            f"profiles {seen['profiles']} datasets; {seen['accepted']} suggestions about fields accepted, {seen['open']} open",
        )
        evidence = self._verify()
        summary = {
            "request": request.code,
            "agreement": agreement.code,
            "delivery": {
                "code": delivery.code,
                "path": str(settings.DELIVERY_DIR / delivery.file_name),
                "rows": checked["rows"],
                "columns": checked["columns"],
                "sha256": delivery.sha256,
                **speed,
                "worker_peak_bytes": memory,
            },
            "lookup": lookup,
            "values": seen,
            "evidence": evidence,
            "seconds": round(time.monotonic() - self.started, 1),
        }
        path = self.folder / "summary.json"
        path.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
        self._farewell(passwords, path)

    def say(self, who: str, what: str) -> None:
        now = time.monotonic()
        self.stdout.write(f"{now - self.started:7.2f}s  (+{now - self.last:6.2f}s)  {who}: {what}")
        self.stdout.flush()
        self.last = now

    def _set_up(self, people: int):
        password = secrets.token_urlsafe(24)
        try:
            built = sources.build(
                admin=connection.get_connection_params(), folder=self.folder, people=people, reader_password=password
            )
        except sources.SourceError as error:
            raise CommandError(str(error)) from error
        self.say(
            "Sources",
            f"{built.counts['cong_dan']:,} fictitious people, {built.counts['tham_gia']:,} insured, "
            f"{built.counts['tinh']} provinces, {built.counts['xa']:,} communes",
        )
        cast.load_state()
        passwords = cast.passwords(self.folder)
        users = cast.load_people(passwords)
        catalogue.register(sources=built, users=users, reader_password=password)
        self.say(
            "Operator of the National Data Centre",
            "connects four databases, reads their structure, describes and offers them",
        )
        change = changes.show(admin=connection.get_connection_params(), sources=built, users=users)
        self.say("Portal", f"compares structures: {change.dataset.code} broke, its policy waits for the owner's review")
        return built, users, passwords

    def _deliver(self, agreement: Agreement) -> tuple[Delivery, int]:
        """Start a worker of its own and watch the delivery until it ends."""
        delivery = agreement.deliveries.get()
        connections.close_all()
        worker = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        memory, seen = 0, -1
        try:
            deadline = time.monotonic() + PATIENCE
            while delivery.status in DELIVERY.open and time.monotonic() < deadline:
                time.sleep(0.1)
                memory = max(memory, figures.peak_memory(worker.pid))
                delivery.refresh_from_db()
                if delivery.rows_done > seen:
                    seen = delivery.rows_done
                    self.say("Worker", f"{delivery.code} {delivery.status}, {seen:,} rows")
        finally:
            worker.terminate()
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(worker.pid, signal.SIGKILL)
        if delivery.status != DeliveryStatus.COMPLETED:
            raise CommandError(f"{delivery.code} is {delivery.status}: {delivery.message}")
        self.say("Worker", f"{delivery.code} complete, SHA-256 {delivery.sha256}")
        return delivery, memory

    def _speed(self, agreement: Agreement, delivery: Delivery, dbname: str) -> dict:
        """The delivery beside psql's \\copy of the very same statement."""
        attempt = delivery.attempts.last()
        seconds = (attempt.finished_at - attempt.started_at).total_seconds()
        plan = plans.plan_of(agreement)
        _query, values = postgresql_statements.pseudonym_settings(plans.pseudonym_key(agreement))
        names = (postgresql_statements.INNER, postgresql_statements.OUTER)
        psql = figures.psql_copy(
            dbname=dbname,
            statement=postgresql_statements.select(plan).as_string(connection.connection),
            settings=dict(zip(names, values, strict=True)),
            target=self.folder / "psql.csv",
        )
        beside = f"psql \\copy of the same query {psql:.2f} s" if psql else "no psql to compare with"
        self.say("Portal", f"delivered in {seconds:.2f} s ({delivery.rows / seconds:,.0f} rows/s); {beside}")
        return {
            "seconds": round(seconds, 3),
            "rows_per_second": round(delivery.rows / seconds),
            "psql_seconds": round(psql, 3) if psql else None,
        }

    def _verify(self) -> dict:
        bad = list(ledger.tampered())
        count = Entry.objects.count()
        if bad:
            raise CommandError(f"evidence does not verify: {bad[:20]}")
        self.say("Auditor", f"{count} entries of evidence, every hash right")
        return {"entries": count, "verified": True}

    def _farewell(self, passwords: dict[str, str], summary: Path) -> None:
        self.stdout.write("\nAccounts (make run, then http://127.0.0.1:8000/):")
        for part in cast.PARTS:
            self.stdout.write(f"  {part.username:18} {passwords[part.username]:18} {part.office}")
        self.stdout.write("bhxh.hethong is the OAuth2 client of a system, for the API: docs/api.md")
        self.stdout.write(f"\n{summary}")
