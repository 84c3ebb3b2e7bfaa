package stack

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
)

// console writes for a person, from any goroutine: lines that stay, and on a
// terminal one line at the bottom that is drawn again in place.
type console struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	status   string // what stands on the terminal's last line now
}

func newConsole(w io.Writer) *console {
	if w == nil {
		w = io.Discard
	}
	if c, ok := w.(*console); ok {
		return c
	}
	file, ok := w.(*os.File)
	return &console{w: w, terminal: ok && isatty.IsTerminal(file.Fd())}
}

const eraseLine = "\r\x1b[K"

// Write writes whole lines above the status line.
func (c *console) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != "" {
		fmt.Fprint(c.w, eraseLine)
	}
	n, err := c.w.Write(text)
	if c.status != "" {
		fmt.Fprint(c.w, c.status)
	}
	return n, err
}

// track tells how something long is going until the returned function is
// called: on a terminal by redrawing one line, elsewhere by a line every interval.
func (c *console) track(interval time.Duration, status func() string) (stop func()) {
	if c.terminal {
		interval = 200 * time.Millisecond
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				c.redraw("")
				return
			case <-ticker.C:
				c.report(status())
			}
		}
	}()
	return func() { close(done); <-gone }
}

func (c *console) report(status string) {
	if c.terminal {
		c.redraw(status)
	} else {
		fmt.Fprintln(c, status)
	}
}

func (c *console) redraw(status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminal && status != c.status {
		fmt.Fprint(c.w, eraseLine, status)
		c.status = status
	}
}
