"""The staff's frame, for pages outside the desk itself."""

from webui.desk_context import answered, staff_page

__all__ = ["answered", "staff_page"]
