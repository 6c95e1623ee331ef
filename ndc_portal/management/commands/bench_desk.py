"""manage.py bench_desk: measure the pages of the decision desk with 1,000 and with 100,000 requests."""

from ndc_portal.bench.bars import Part
from ndc_portal.bench.command import BenchCommand
from ndc_portal.bench.desk import pages


class Command(BenchCommand):
    help = "Measures my desk, my requests, the queue and the case page; writes var/bench/desk.json."
    name = "desk"
    parts = [Part("pages", pages.measure)]
    drop = staticmethod(pages.drop_all)
