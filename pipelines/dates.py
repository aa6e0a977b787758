"""Calendar months before and after a day."""

from datetime import date, timedelta


def months_after(day: date, months: int) -> date:
    """Return the same day so many months later, the last of the month where it has no such day."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(years + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(years, month + 1, 1) + timedelta(days=day.day - 1), first_of_next - timedelta(days=1))


def months_between(start: date, end: date) -> int:
    """Return how many whole months lie between two days."""
    months = 12 * (end.year - start.year) + end.month - start.month
    return months - (months_after(start, months) > end)


def months_before(day: date, months: int) -> date:
    """Return the same day so many months earlier."""
    return months_after(day, -months)
