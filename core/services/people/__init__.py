"""People: accounts, signing in and out, members of a workspace, invitations, new passwords."""
