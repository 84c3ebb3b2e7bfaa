package mesh_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"ordertrace/systems/mesh"
)

func TestErrorsOfTheReaderAreNotTheFilesFault(t *testing.T) {
	broken := errors.New("connection reset")
	file := stl(torus)
	size := int64(len(file))
	for name, tc := range map[string]struct {
		r    io.Reader
		size int64
		want error
	}{
		"at once":                 {iotest.ErrReader(broken), size, broken},
		"at once, size unknown":   {iotest.ErrReader(broken), -1, broken},
		"half way":                {io.MultiReader(bytes.NewReader(file[:size/2]), iotest.ErrReader(broken)), size, broken},
		"half way, size unknown":  {io.MultiReader(bytes.NewReader(file[:size/2]), iotest.ErrReader(broken)), -1, broken},
		"half way through text":   {io.MultiReader(bytes.NewReader([]byte(text(torus))[:size/2]), iotest.ErrReader(broken)), -1, broken},
		"at its end":              {io.MultiReader(bytes.NewReader(file), iotest.ErrReader(broken)), size, broken},
		"after the end of text":   {io.MultiReader(bytes.NewReader([]byte(text(cube))), iotest.ErrReader(broken)), -1, broken},
		"ends before its size":    {bytes.NewReader(file[:size/2]), size, io.ErrUnexpectedEOF},
		"ends in its head":        {bytes.NewReader(file[:100]), size, io.ErrUnexpectedEOF},
		"empty, for all its size": {bytes.NewReader(nil), size, io.ErrUnexpectedEOF},
		"text ends early":         {bytes.NewReader([]byte(text(torus))[:size/2]), int64(len(text(torus))), io.ErrUnexpectedEOF},
		"says that it was cut":    {io.MultiReader(bytes.NewReader(file[:size/2]), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, io.ErrUnexpectedEOF},
		"wraps an EOF":            {io.MultiReader(bytes.NewReader(file[:size/2]), iotest.ErrReader(fmt.Errorf("fetch part 2: %w", io.EOF))), -1, io.EOF},
		"never gives anything":    {idle{}, size, io.ErrNoProgress},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := mesh.Check(tc.r, tc.size, mesh.Limits{})
			require.ErrorIs(t, err, tc.want)
			var refused *mesh.Error
			require.NotErrorAs(t, err, &refused)
			require.Zero(t, report)
		})
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestReadersMayGiveBytesAsTheyLike(t *testing.T) {
	for name, file := range map[string][]byte{"binary": stl(torus), "ASCII": []byte(text(torus))} {
		want, err := mesh.Check(bytes.NewReader(file), int64(len(file)), mesh.Limits{})
		require.NoError(t, err)
		for way, wrap := range map[string]func(io.Reader) io.Reader{
			"one byte at a time": iotest.OneByteReader,
			"half of the space":  iotest.HalfReader,
			"data with EOF":      iotest.DataErrReader,
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				got, err := mesh.Check(wrap(bytes.NewReader(file)), int64(len(file)), mesh.Limits{})
				require.NoError(t, err)
				require.Equal(t, want, got)
			})
		}
	}
}

func TestHostileFilesCostLittleMemory(t *testing.T) {
	const long = 64 << 20
	for name, tc := range map[string]struct {
		head string
		fill byte
		size int64
	}{
		"an endless name":           {"solid ", 'x', long},
		"an endless word":           {"solid x\nfacet normal ", '1', long},
		"endless space":             {"solid x\n", ' ', long},
		"endless lines":             {"solid x\n", '\n', long},
		"a count that is not true":  {string(withCount(stl(torus), 79_000_000)), 0, -1},
		"a size that is not either": {string(withCount(stl(torus), 79_000_000)), 0, 84 + 50*79_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			r := io.Reader(bytes.NewReader([]byte(tc.head)))
			if tc.fill != 0 {
				r = io.LimitReader(io.MultiReader(r, endless(tc.fill)), tc.size)
			}
			before := allocated()
			_, err := mesh.Check(r, tc.size, mesh.Limits{MaxTriangles: 80_000_000})
			require.Error(t, err)
			require.Less(t, allocated()-before, uint64(4<<20))
		})
	}
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

func TestReaderThatPanicsLeavesNothingBehind(t *testing.T) {
	r := io.MultiReader(bytes.NewReader(stl(torus)[:50_000]), panicking{})
	require.PanicsWithValue(t, "in Read", func() { _, _ = mesh.Check(r, -1, mesh.Limits{}) })
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("in Read") }
