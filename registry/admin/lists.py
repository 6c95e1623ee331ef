"""Long lists in the admin: counts that are estimated or bounded, and searches that an index answers."""

from django.contrib.admin import SimpleListFilter
from django.core.paginator import Paginator
from django.db import connections
from django.utils.functional import cached_property

COUNTED = 5_000  # rows; what lies beyond is reached by searching and filtering
MOST_FOUND = 1_000  # by one search

# What Django's own filters of fields put into an address.
COMPARISONS = frozenset({"exact", "in", "isnull", "isempty", "gte", "gt", "lte", "lt", "id__exact", "pk__exact"})


def is_filtered_by(lookup: str, list_filter) -> bool:
    """Whether one of the list's filters asks this, by the parameter of an address."""
    for one in list_filter:
        if isinstance(one, type) and issubclass(one, SimpleListFilter):
            if lookup == one.parameter_name:
                return True
            continue
        name = one[0] if isinstance(one, list | tuple) else one
        if lookup == name or (lookup.startswith(f"{name}__") and lookup[len(name) + 2 :] in COMPARISONS):
            return True
    return False


class EstimatedPaginator(Paginator):
    """The server's own estimate for a whole long table, an exact count of a short one, a bounded one of what is filtered.

    One statement in each case: counting two million rows would take longer than showing a hundred of them.
    """

    @cached_property
    def count(self) -> int:
        query = self.object_list.query
        if query.where or query.distinct or query.combinator or query.is_sliced:
            return self.object_list.order_by()[:COUNTED].count()
        connection = connections[self.object_list.db]
        table = connection.ops.quote_name(self.object_list.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT CASE WHEN reltuples > %s THEN reltuples::bigint ELSE (SELECT count(*) FROM {table}) END"  # noqa: S608 - the model's own table
                " FROM pg_class WHERE oid = %s::regclass",
                [COUNTED, table],
            )
            return cursor.fetchone()[0]


class KeysFirstPaginator(EstimatedPaginator):
    """Finds the keys of a page first, and asks for what is told of each row only then.

    What a list counts for every row would otherwise be counted for all that is sorted, to show fifty.
    """

    def page(self, number):
        page = super().page(number)
        keys = list(page.object_list.values_list("pk", flat=True))
        page.object_list = self.object_list.filter(pk__in=keys)
        return page


class IndexedSearch:
    """Searches by one index after the other, and joins what they find: an OR over several tables would use none."""

    def found_by(self, rows, words: str) -> list:
        """Of the rows that the person may see, querysets of those that fit; a row of any of them is shown."""
        raise NotImplementedError

    def get_search_results(self, request, queryset, search_term):
        if not search_term.strip():
            return queryset, False
        found_by = self.found_by(queryset, search_term.strip())
        first, *others = (found.order_by().values("pk")[:MOST_FOUND] for found in found_by)
        return queryset.filter(pk__in=first.union(*others)), False
