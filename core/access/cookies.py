"""Names of the cookies that say who a browser is. Both are HttpOnly; neither holds anything but random characters."""

SESSION_COOKIE = "pilotlight_session"  # a sign-in; the row it leads to decides how long it is good
VISITOR_COOKIE = "pilotlight_visitor"  # a browser, signed in or not
