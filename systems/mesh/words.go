package mesh

import (
	"bytes"
	"errors"
	"strings"
)

const (
	whiteSpace    = " \t\r\n\v\f"
	byteOrderMark = "\xef\xbb\xbf"
	longestWord   = 128 // far above any number that is not padded with zeros
)

// errEnd says that the text is over.
var errEnd = errors.New("end of text")

// words cuts text into words between white space. However long a line or a word
// of the text is, only a small window of it is held.
type words struct {
	src     *source
	line    int64 // of the last word, from 1
	at, end int   // what of window is still to be cut
	window  [1 << 16]byte
}

var isSpace = func() (table [256]bool) {
	for _, c := range []byte(whiteSpace) {
		table[c] = true
	}
	return table
}()

// next is the next word, valid until the next call, or errEnd.
func (w *words) next() ([]byte, error) {
	if err := w.skipSpace(); err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		if w.at+n == w.end {
			if err := w.more(); errors.Is(err, errEnd) {
				return w.cut(n), nil
			} else if err != nil {
				return nil, err
			}
		}
		if isSpace[w.window[w.at+n]] {
			return w.cut(n), nil
		}
		if n == longestWord {
			return nil, w.expected("shorter words")
		}
	}
}

func (w *words) cut(n int) []byte {
	word := w.window[w.at : w.at+n]
	w.at += n
	return word
}

func (w *words) skipSpace() error {
	for {
		for ; w.at < w.end; w.at++ {
			c := w.window[w.at]
			if !isSpace[c] {
				return nil
			}
			if c == '\n' {
				w.line++
			}
		}
		if err := w.more(); err != nil {
			return err
		}
	}
}

// skipLine leaves the rest of the line, its end included, to the next word.
func (w *words) skipLine() error {
	for {
		rest := w.window[w.at:w.end]
		if n := bytes.IndexAny(rest, "\r\n"); n >= 0 {
			w.at += n
			return nil
		}
		w.at = w.end
		if err := w.more(); err != nil {
			return err
		}
	}
}

// skipMark passes over the byte order mark that some editors put first.
func (w *words) skipMark() error {
	if err := w.more(); err != nil {
		return err
	}
	if bytes.HasPrefix(w.window[:w.end], []byte(byteOrderMark)) {
		w.at = len(byteOrderMark)
	}
	return nil
}

// more moves what is left to the front of the window and fills up behind it.
func (w *words) more() error {
	w.end = copy(w.window[:], w.window[w.at:w.end])
	w.at = 0
	n, err := w.src.fill(w.window[w.end:])
	w.end += n
	if err == nil && n == 0 {
		err = errEnd
	}
	return err
}

// expect reads the given words.
func (w *words) expect(want ...string) error {
	for _, s := range want {
		word, err := w.next()
		if err != nil {
			return err
		}
		if !is(word, s) {
			return w.expected(s)
		}
	}
	return nil
}

// is compares without regard to letter case; lower is in lower case.
func is(word []byte, lower string) bool {
	return string(word) == lower || strings.EqualFold(string(word), lower)
}

func (w *words) expected(what string) error {
	return refuse(Malformed, "line %d of the text should have %s and has something else; export the model again", w.line, what)
}
