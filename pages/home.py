"""Home: what this is, how it stands, what to do first."""

from __future__ import annotations

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.REPORT)

from core.services.overview import overview  # noqa: E402 - guard() is the page's first statement
from pages.shared.home_parts import first_steps, headline, models, numbers, plot_days, tools  # noqa: E402
from pages.shared.local_owner import local_owner_notice  # noqa: E402
from pages.shared.parts import show_notices  # noqa: E402
from pages.shared.sentiment_watches import home_warnings  # noqa: E402

show_notices()
view = overview(app, actor)
headline(view)
local_owner_notice(app, actor)
home_warnings(app, actor)
first_steps(view)
numbers(view)
plot_days(view)
tools()
models(view)
