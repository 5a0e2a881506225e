package limit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is N requests a period. The zero Rate is no limit.
type Rate struct {
	N   int
	Per time.Duration
}

const mostRate = 1_000_000_000

// ParseRate reads N/PERIOD, as 60/1m; the period may be s, m or h; off is no limit.
func ParseRate(s string) (Rate, error) {
	if s == "off" {
		return Rate{}, nil
	}
	count, period, found := strings.Cut(s, "/")
	if period != "" && (period[0] < '0' || period[0] > '9') {
		period = "1" + period
	}
	n, err := strconv.Atoi(count)
	per, errPer := time.ParseDuration(period)
	if !found || err != nil || errPer != nil || n < 1 || n > mostRate || per < time.Second || per > 24*time.Hour {
		return Rate{}, fmt.Errorf("%q: want a number and a period, as 60/1m, 6000/1h, or off", s)
	}
	return Rate{n, per}, nil
}

// String is the form that ParseRate reads.
func (r Rate) String() string {
	if r.N == 0 {
		return "off"
	}
	return fmt.Sprintf("%d/%s", r.N, r.Per)
}
