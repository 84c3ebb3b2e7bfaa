package lifecycle

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// NewOrderID is a new order's number, short enough to read over the telephone:
// the day, and 30 random bits.
func NewOrderID(now time.Time) string {
	return fmt.Sprintf("ord-%s-%s", now.UTC().Format("060102"), strings.ToLower(rand.Text()[:6]))
}
