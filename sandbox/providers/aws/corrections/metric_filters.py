"""Metric filters: each belongs to a log group that exists, and putting it again changes it."""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Moto keeps every version of a filter, and filters of groups that do not exist."""
    from moto.logs.exceptions import ResourceNotFoundException
    from moto.logs.models import LogsBackend

    put, delete = LogsBackend.put_metric_filter, LogsBackend.delete_log_group

    def forget(self: Any, group: str, name: str | None) -> None:
        self.filters.metric_filters = [
            one
            for one in self.filters.metric_filters
            if one["logGroupName"] != group or name not in (None, one["filterName"])
        ]

    def put_metric_filter(self: Any, filter_name: str, pattern: str, group: str, transformations: Any) -> None:
        if group not in self.groups:
            raise ResourceNotFoundException
        forget(self, group, filter_name)
        put(self, filter_name, pattern, group, transformations)

    def delete_log_group(self: Any, log_group_name: str) -> None:
        delete(self, log_group_name)
        forget(self, log_group_name, None)

    setattr(LogsBackend, put.__name__, put_metric_filter)
    setattr(LogsBackend, delete.__name__, delete_log_group)
