package ledger

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// entry is one call to record a stage.
type entry struct {
	order string
	stage lifecycle.Stage
	visit int64
	key   string
	in    api.StageRequest
}

// entry checks a call's own words. What is not plain text would be refused by
// one of the databases, for ever.
func (l *Ledger) entry(order string, stage lifecycle.Stage, key string, in api.StageRequest) (entry, error) {
	if err := checkID(order); err != nil {
		return entry{}, err
	}
	visit, err := visitOf(order, stage, key)
	if err != nil {
		return entry{}, err
	}
	err = plainText(map[string]string{
		"by":              in.By,
		"reason":          in.Reason,
		"source":          in.Facts.Source,
		"material":        in.Facts.Material,
		"operator":        in.Facts.Operator,
		"carrier":         in.Facts.Carrier,
		"tracking_number": in.Facts.Tracking,
	})
	return entry{order: order, stage: stage, visit: visit, key: key, in: in}, err
}

// visitOf reads the visit from a key made by api.Key.
func visitOf(order string, stage lifecycle.Stage, key string) (int64, error) {
	number := key[strings.LastIndex(key, "/")+1:]
	visit, err := strconv.ParseInt(number, 10, 32)
	if err != nil || visit < 1 || key != api.Key(order, stage, int(visit)) {
		return 0, fixInput("Idempotency-Key", "want %s with the number of the order's visit to the stage, from 1, at the end",
			strings.TrimSuffix(api.Key(order, stage, 1), "1"))
	}
	return visit, nil
}

const (
	maxID   = 255
	maxText = 2000
)

func checkID(order string) error {
	if order == "" || len(order) > maxID || !printable(order) {
		return fixInput("order_id", "an order number is 1 to %d bytes of printable text", maxID)
	}
	return nil
}

func plainText(fields map[string]string) error {
	for field, s := range fields {
		if len(s) > maxText || strings.ContainsRune(s, 0) {
			return fixInput(field, "want at most %d bytes of text without NUL", maxText)
		}
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func fixInput(field, format string, args ...any) error {
	return &lifecycle.Error{
		Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidRequest, Field: field, Detail: fmt.Sprintf(format, args...),
	}
}

func conflict(format string, args ...any) error {
	return &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: fmt.Sprintf(format, args...)}
}

func hasEnded(a account) error { return conflict("order %s has ended: it was %s", a.ID, a.Outcome) }

func unknown(order string) error {
	return &lifecycle.Error{
		Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: fmt.Sprintf("there is no order %q here", order),
	}
}

func isUnknown(err error) bool {
	var e *lifecycle.Error
	return errors.As(err, &e) && e.Code == lifecycle.CodeNotFound
}
