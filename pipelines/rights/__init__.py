"""What people ask about themselves and each other: contests, reveals, invitations, the own record."""
