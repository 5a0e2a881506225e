package downloads

import (
	"fmt"
	"strings"
	"time"
)

// Period is days, the first and the last among them.
type Period struct{ from, to int32 }

// MostDays is the longest period: 18 months.
const MostDays = 549

const isoDay = "2006-01-02"

// ParsePeriod reads last-day, last-week, last-month, last-year, YYYY-MM-DD or A:B. Errors are for who sent it.
func ParsePeriod(text string, now time.Time) (Period, error) {
	today := dayOf(now)
	if n, known := map[string]int32{"last-day": 1, "last-week": 7, "last-month": 30, "last-year": 365}[text]; known {
		return Period{today - n + 1, today}, nil
	}
	first, last, span := strings.Cut(text, ":")
	if !span {
		last = first
	}
	a, errA := time.Parse(isoDay, first)
	b, errB := time.Parse(isoDay, last)
	if errA != nil || errB != nil || a.Year() < 1970 || a.Year() > 9999 || b.Year() > 9999 {
		return Period{}, fmt.Errorf("invalid period: %q is not last-day, last-week, last-month, last-year, YYYY-MM-DD or YYYY-MM-DD:YYYY-MM-DD", text)
	}
	p := Period{dayOf(a), dayOf(b)}
	if p.to < p.from {
		return Period{}, fmt.Errorf("invalid period: end date < start date")
	}
	if p.Days() > MostDays {
		return Period{}, fmt.Errorf("invalid period: it is longer than 18 months")
	}
	return p, nil
}

// Days is how many there are.
func (p Period) Days() int { return int(p.to-p.from) + 1 }

// Start and End are the first and the last day, as YYYY-MM-DD.
func (p Period) Start() string { return iso(p.from) }

// End is the last day.
func (p Period) End() string { return iso(p.to) }

// Day is the day with that number, from 0.
func (p Period) Day(i int) string { return iso(p.from + int32(i)) }

func (p Period) has(day int32) bool { return day >= p.from && day <= p.to }

// months are those that a period touches, as YYYY-MM.
func (p Period) months() (list []string) {
	at := date(p.from)
	for at = at.AddDate(0, 0, 1-at.Day()); dayOf(at) <= p.to; at = at.AddDate(0, 1, 0) {
		list = append(list, at.Format("2006-01"))
	}
	return list
}

func date(day int32) time.Time { return time.Unix(int64(day)*86400, 0).UTC() }

func iso(day int32) string { return date(day).Format(isoDay) }
