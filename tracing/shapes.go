package tracing

import (
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// A shape tells whether a value looks as it should. It bounds the length of text.
type shape func(attribute.Value) bool

func number(v attribute.Value) bool {
	switch v.Type() {
	case attribute.INT64, attribute.FLOAT64, attribute.BOOL:
		return true
	default:
		return false
	}
}

// text is a shape of single strings. A list holds as many free texts as it likes.
func text(fits func(string) bool) shape {
	return func(v attribute.Value) bool { return v.Type() == attribute.STRING && fits(v.AsString()) }
}

func either(a, b shape) shape {
	return func(v attribute.Value) bool { return a(v) || b(v) }
}

// oneOf is one of a few words.
func oneOf(words []string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, s) }
}

// of is text of 1 to limit letters, digits and other characters, all of ASCII.
func of(limit int, others string) func(string) bool {
	var known [256]bool
	for c := range known {
		known[c] = isLower(byte(c)) || isUpper(byte(c)) || isDigit(byte(c)) || strings.IndexByte(others, byte(c)) >= 0
	}
	return func(s string) bool {
		if s == "" || len(s) > limit {
			return false
		}
		for i := range len(s) {
			if !known[s[i]] {
				return false
			}
		}
		return true
	}
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

var (
	// identifier has no blank, at sign or plus: it is no address, e-mail or
	// telephone number as people write them.
	identifier = of(200, "._:/~-")
	label      = of(200, "._:/+()-")
	host       = of(253, ".-:[]%")
	typeName   = of(200, "_.*/[]-")
)

// errorKind is an error's type: a Go type, a code, or one of errorType's.
func errorKind(s string) bool {
	if kind, ok := strings.CutPrefix(s, "timeout "); ok {
		return word(kind)
	}
	return typeName(s)
}

// drawn is an identifier that a machine drew: at least 16 hexadecimal digits, more
// than a telephone number has.
func drawn(s string) bool {
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c), 'a' <= c && c <= 'f':
			digits++
		case c != '-':
			return false
		}
	}
	return digits >= 16 && len(s) <= 80
}

// requestID is a drawn one, after the name of the update if there is one.
func requestID(s string) bool {
	update, id, named := strings.Cut(s, "/")
	return drawn(s) || named && lowerWord(update) && drawn(id)
}

// carrierEvent is EasyPost's ID of an event.
func carrierEvent(s string) bool { return drawn(strings.TrimPrefix(s, "evt_")) }

// word is a name in a program: letters, and the odd digit of a version.
func word(s string) bool {
	if s == "" || len(s) > 60 || isDigit(s[0]) {
		return false
	}
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			digits++
		case !isLower(c) && !isUpper(c) && c != '_' && c != '-':
			return false
		}
	}
	return digits <= 2
}

func lowerWord(s string) bool { return word(s) && s == strings.ToLower(s) }

func upperWord(s string) bool { return word(s) && s == strings.ToUpper(s) }

// phrase is one to four words, of which only the first is written as it likes:
// the names of people are not.
func phrase(s string) bool {
	first, rest, more := strings.Cut(s, " ")
	return word(first) && (!more || phraseRest(rest, 3))
}

func phraseRest(s string, most int) bool {
	for w := range strings.SplitSeq(s, " ") {
		if most--; most < 0 || !lowerWord(w) && !upperWord(w) {
			return false
		}
	}
	return true
}

func lowerPhrase(s string) bool { return phrase(s) && s == strings.ToLower(s) }

// temporalName is what our interceptor calls a span, or the SDK's for clients:
// "StartWorkflow:Order", "SHIPPED", "await SHIPPED", "Order timed out".
func temporalName(s string) bool {
	if operation, name, ok := strings.Cut(s, ":"); ok {
		return word(operation) && word(name)
	}
	return phrase(s)
}

// requestName is a method and, where it is known, a route.
func requestName(s string) bool {
	first, rest, more := strings.Cut(s, " ")
	return slices.Contains(methods, first) && (!more || route(rest) || first == "HTTP" && slices.Contains(methods, rest))
}

// route is a pattern of paths: "/orders/{order}/parcel", "/files/{path...}", "/…".
func route(s string) bool {
	if len(s) > 200 || !strings.HasPrefix(s, "/") {
		return false
	}
	for part := range strings.SplitSeq(s[1:], "/") {
		inner, open := strings.CutPrefix(part, "{")
		switch inner, closed := strings.CutSuffix(inner, "}"); {
		case open && closed:
			if inner != "$" && !word(strings.TrimSuffix(inner, "...")) {
				return false
			}
		case part != "" && part != "…" && !lowerWord(strings.TrimPrefix(part, ".")):
			return false
		}
	}
	return true
}

// statementName is the verb of a statement, and its table.
func statementName(s string) bool {
	verb, table, more := strings.Cut(s, " ")
	return slices.Contains(verbs, verb) && (!more || lowerWord(table))
}

// verbs are those with which statements begin.
var verbs = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CREATE", "ALTER", "DROP", "BEGIN", "COMMIT", "ROLLBACK"}

// statement is SQL without data in it: no literal but empty ones, no number with
// the length of one that could name anybody, no comment.
func statement(s string) bool {
	begins := func(verb string) bool { return strings.HasPrefix(strings.TrimLeft(s, " \t\n"), verb) }
	if len(s) > 4096 || !slices.ContainsFunc(verbs, begins) || strings.Contains(s, "--") || strings.Contains(s, "/*") || strings.Contains(s, "$$") {
		return false
	}
	quoted, digits := false, 0
	for i := range len(s) {
		c := s[i]
		if c == '\'' {
			quoted = !quoted
		}
		if digits++; !isDigit(c) {
			digits = 0
		}
		letter := isLower(c) || isUpper(c) || isDigit(c) || c > '~'
		if digits > 4 || quoted && letter {
			return false
		}
	}
	return !quoted
}
