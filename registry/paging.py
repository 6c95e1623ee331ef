"""Pages of lists that can be very long: what lies beyond a bound is neither counted nor walked to."""

from django.core.paginator import Paginator
from django.utils.functional import cached_property


class BoundedPaginator(Paginator):
    """Counts to `most` and no further; `goes_on` says whether there is more."""

    most = 2_000

    @cached_property
    def _counted(self) -> int:
        return self.object_list.order_by()[: self.most + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.most)

    @property
    def goes_on(self) -> bool:
        return self._counted > self.most
