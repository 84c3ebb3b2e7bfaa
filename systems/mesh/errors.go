package mesh

import (
	"fmt"
	"strings"
)

// Reason is a stable short code for what is wrong with a file.
type Reason string

// What can be wrong with a file.
const (
	Empty            Reason = "empty"              // no bytes, or no triangles
	NotSTL           Reason = "not_stl"            // neither form of STL
	Malformed        Reason = "malformed"          // ASCII whose words are out of order
	Truncated        Reason = "truncated"          // ends before its last triangle
	TrailingData     Reason = "trailing_data"      // goes on after its last triangle
	NonFinite        Reason = "non_finite"         // a coordinate is infinite or not a number
	TooManyTriangles Reason = "too_many_triangles" // above Limits.MaxTriangles
	TooLarge         Reason = "too_large"          // above Limits.MaxExtentMM
	TooSmall         Reason = "too_small"          // below Limits.MinExtentMM
	Open             Reason = "open"               // edges of one triangle alone
	NonManifold      Reason = "non_manifold"       // edges of more than two triangles
	Flipped          Reason = "flipped"            // neighbours that face opposite ways
	NoVolume         Reason = "no_volume"          // encloses nothing
	InsideOut        Reason = "inside_out"         // faces inward as a whole
)

// Error says that the file is at fault: only another file will do. Its text is
// one sentence for the file's owner, on what is wrong and what to do; it quotes
// nothing from the file but numbers.
type Error struct {
	Reason Reason
	Edges  EdgeFaults // with Open, NonManifold and Flipped
	text   string
}

func (e *Error) Error() string { return e.text }

// EdgeFaults counts the edges at which a mesh is not closed.
type EdgeFaults struct {
	Open        int64      // edges of one triangle
	NonManifold int64      // edges of more than two
	Flipped     int64      // edges along which two triangles run the same way
	At          [3]float64 // one end of one of them, mm
}

func refuse(reason Reason, format string, args ...any) error {
	return &Error{Reason: reason, text: fmt.Sprintf(format, args...)}
}

// edgeError takes the reason from the worst fault and tells of all.
func edgeError(f EdgeFaults) error {
	var reason Reason
	var what []string
	advice := ""
	for _, fault := range []struct {
		reason       Reason
		count        int64
		what, advice string
	}{
		{Open, f.Open, "belong to one triangle only", "close the holes"},
		{NonManifold, f.NonManifold, "belong to more than two triangles", "remove doubled or touching walls"},
		{Flipped, f.Flipped, "lie between triangles that face opposite ways", "make all normals face outward"},
	} {
		if fault.count == 0 {
			continue
		}
		what = append(what, fmt.Sprintf("%d %s", fault.count, fault.what))
		if reason == "" {
			reason, advice = fault.reason, fault.advice
		}
	}
	text := fmt.Sprintf("the surface is not closed: of its edges %s, one of them at (%.4g, %.4g, %.4g); %s",
		strings.Join(what, ", "), f.At[0], f.At[1], f.At[2], advice)
	return &Error{Reason: reason, Edges: f, text: text}
}
