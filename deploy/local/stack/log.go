package stack

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// tail keeps the last lines of an output.
type tail []string

func (t *tail) add(line string) {
	const keep = 15
	if *t = append(*t, line); len(*t) > keep {
		*t = (*t)[1:]
	}
}

func (t tail) String() string { return "  " + strings.Join(t, "\n  ") }

// explain adds the last lines that the process has written in its last life.
func (p *process) explain(err error) error {
	p.mu.Lock()
	begin := p.logged
	p.mu.Unlock()
	last, readErr := lastLines(p.log, begin)
	if readErr != nil || len(last) == 0 {
		return fmt.Errorf("%w; it wrote nothing to %s", err, p.log)
	}
	return fmt.Errorf("%w; the end of %s:\n%s", err, p.log, last)
}

// lastLines reads the last lines of a file from the offset begin on, and no more
// than its last 16 kB.
func lastLines(name string, begin int64) (tail, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(max(begin, end-16<<10), io.SeekStart); err != nil {
		return nil, err
	}
	var last tail
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		last.add(lines.Text())
	}
	return last, lines.Err()
}
