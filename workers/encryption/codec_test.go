package encryption

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

const canary = "Ada Lovelace"

func keysOf(t testing.TB, lines ...string) Keys {
	t.Helper()
	keys, err := ParseKeys(strings.Join(lines, "\n"))
	require.NoError(t, err)
	return keys
}

// payload is a value as the SDK hands it to a codec.
func payload(t testing.TB, v any) *commonpb.Payload {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(v)
	require.NoError(t, err)
	return p
}

func encoded(t testing.TB, c converter.PayloadCodec, p *commonpb.Payload) *commonpb.Payload {
	t.Helper()
	out, err := c.Encode([]*commonpb.Payload{p})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

func decode(c converter.PayloadCodec, p *commonpb.Payload) (*commonpb.Payload, error) {
	out, err := c.Decode([]*commonpb.Payload{p})
	return out[0], err
}

func requireSame(t testing.TB, want, got *commonpb.Payload) {
	t.Helper()
	require.True(t, proto.Equal(want, got), "want %v, got %v", want, got)
}

func TestPayloadsComeBackAsTheyWere(t *testing.T) {
	codec := keysOf(t, NewKey("2026")).Codec()
	for name, p := range map[string]*commonpb.Payload{
		"a value":           payload(t, map[string]string{"name": canary}),
		"nothing":           payload(t, nil),
		"bytes":             payload(t, []byte(canary)),
		"no data":           {Metadata: map[string][]byte{"encoding": []byte("json/plain")}},
		"no metadata":       {Data: []byte(canary)},
		"metadata of ours":  {Metadata: map[string][]byte{metadataKeyID: []byte("other"), "name": []byte(canary)}, Data: []byte("{}")},
		"empty":             {},
		"large":             {Data: bytes.Repeat([]byte(canary), 100_000)},
		"encrypted already": encoded(t, codec, payload(t, canary)),
	} {
		t.Run(name, func(t *testing.T) {
			before := proto.Clone(p)
			secret := encoded(t, codec, p)
			require.Equal(t, "2026", string(secret.Metadata[metadataKeyID]))
			require.NotContains(t, secret.String(), canary)
			require.Len(t, secret.Data, 12+proto.Size(p)+16, "nonce, ciphertext, tag")
			got, err := decode(codec, secret)
			require.NoError(t, err)
			requireSame(t, p, got)
			requireSame(t, before.(*commonpb.Payload), p)
			require.NotEqual(t, secret.Data, encoded(t, codec, p).Data, "no two are alike")
		})
	}
}

func TestNoPayloadsAreNoPayloads(t *testing.T) {
	for name, keys := range map[string]Keys{"keys": keysOf(t, NewKey("a")), "no keys": {}} {
		t.Run(name, func(t *testing.T) {
			for _, do := range []func([]*commonpb.Payload) ([]*commonpb.Payload, error){keys.Codec().Encode, keys.Codec().Decode} {
				got, err := do(nil)
				require.NoError(t, err)
				require.Empty(t, got)
			}
		})
	}
}

// Histories from before, and what people send from the Temporal UI or its command
// line, are not encrypted.
func TestPlainPayloadsAreRead(t *testing.T) {
	for name, keys := range map[string]Keys{"keys": keysOf(t, NewKey("a")), "no keys": {}} {
		for kind, plain := range map[string]*commonpb.Payload{
			"json": payload(t, canary), "null": payload(t, nil), "no metadata": {Data: []byte("{}")}, "unknown encoding": {
				Metadata: map[string][]byte{converter.MetadataEncoding: []byte("binary/zlib")}, Data: []byte("x"),
			},
		} {
			t.Run(name+": "+kind, func(t *testing.T) {
				got, err := decode(keys.Codec(), plain)
				require.NoError(t, err)
				requireSame(t, plain, got)
			})
		}
	}
}

func TestWithoutKeysPayloadsStayPlain(t *testing.T) {
	p := payload(t, canary)
	requireSame(t, p, encoded(t, Keys{}.Codec(), p))
}

// A key is rotated in three steps, each of which may take its time: every process
// reads the new key, then every process encrypts with it, and when the last
// history of the old key is gone, so may the old key be.
func TestKeysAreRotated(t *testing.T) {
	old, fresh := NewKey("old"), NewKey("new")
	steps := []Keys{keysOf(t, old), keysOf(t, old, fresh), keysOf(t, fresh, old), keysOf(t, fresh)}
	p := payload(t, canary)
	for i, keys := range steps[:3] {
		for _, reader := range steps[max(0, i-1):min(i+2, 3)] { // some are a step behind, some ahead
			got, err := decode(reader.Codec(), encoded(t, keys.Codec(), p))
			require.NoError(t, err, "step %d", i)
			requireSame(t, p, got)
		}
	}
	require.Equal(t, "old", string(encoded(t, steps[1].Codec(), p).Metadata[metadataKeyID]))
	require.Equal(t, "new", string(encoded(t, steps[2].Codec(), p).Metadata[metadataKeyID]))

	_, err := decode(steps[3].Codec(), encoded(t, steps[0].Codec(), p))
	var unknown *UnknownKeyError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, "old", unknown.ID)
}

func TestUnknownKeysAreNamed(t *testing.T) {
	secret := encoded(t, keysOf(t, NewKey("2026-11")).Codec(), payload(t, canary))
	for name, keys := range map[string]Keys{"no keys": {}, "another key": keysOf(t, NewKey("2025"))} {
		t.Run(name, func(t *testing.T) {
			_, err := decode(keys.Codec(), secret)
			require.EqualError(t, err, `a payload is encrypted with the key "2026-11", which is not here: add it to PAYLOAD_KEYS_FILE`)
		})
	}
}

func TestDamagedPayloadsAreRefused(t *testing.T) {
	line := NewKey("a")
	codec := keysOf(t, line, strings.Replace(line, "a ", "same-key ", 1), NewKey("b")).Codec()
	order := converter.WorkflowSerializationContext{WorkflowID: "order-1"}
	for name, damage := range map[string]func(*commonpb.Payload){
		"a bit of the nonce":    func(p *commonpb.Payload) { p.Data[0] ^= 1 },
		"a bit of the text":     func(p *commonpb.Payload) { p.Data[13] ^= 1 },
		"a bit of the tag":      func(p *commonpb.Payload) { p.Data[len(p.Data)-1] ^= 1 },
		"cut":                   func(p *commonpb.Payload) { p.Data = p.Data[:len(p.Data)-1] },
		"no tag":                func(p *commonpb.Payload) { p.Data = p.Data[:12] },
		"no data":               func(p *commonpb.Payload) { p.Data = nil },
		"longer":                func(p *commonpb.Payload) { p.Data = append(p.Data, 0) },
		"another key's ID":      func(p *commonpb.Payload) { p.Metadata[metadataKeyID] = []byte("b") },
		"another ID of its key": func(p *commonpb.Payload) { p.Metadata[metadataKeyID] = []byte("same-key") },
		"another workflow's":    func(p *commonpb.Payload) { p.Metadata[metadataWorkflowID] = []byte("order-2") },
		"nobody's any more":     func(p *commonpb.Payload) { delete(p.Metadata, metadataWorkflowID) },
	} {
		t.Run(name, func(t *testing.T) {
			p := encoded(t, codec.WithSerializationContext(order), payload(t, canary))
			damage(p)
			_, err := decode(codec, p)
			require.ErrorIs(t, err, ErrDamaged)
		})
	}
}

// What is one order's cannot be passed off as another's.
func TestPayloadsAreBoundToTheirWorkflow(t *testing.T) {
	codec := keysOf(t, NewKey("a")).Codec()
	workflow := func(id string) converter.SerializationContext {
		return converter.WorkflowSerializationContext{Namespace: "default", WorkflowID: id}
	}
	activity := func(id string) converter.SerializationContext {
		return converter.ActivitySerializationContext{Namespace: "default", WorkflowID: id, ActivityType: "CLOSED"}
	}
	p := payload(t, canary)
	for name, tc := range map[string]struct {
		writer, reader converter.SerializationContext // nil: not known
		refused        bool
	}{
		"a workflow's, read by it":               {workflow("1"), workflow("1"), false},
		"a workflow's, read by its activity":     {workflow("1"), activity("1"), false},
		"a workflow's, read by the codec server": {workflow("1"), nil, false},
		"the codec server's, read by a workflow": {nil, workflow("1"), false},
		"a workflow's, read by another":          {workflow("1"), workflow("2"), true},
		"an activity's, read by another":         {activity("1"), workflow("2"), true},
	} {
		t.Run(name, func(t *testing.T) {
			in := func(ctx converter.SerializationContext) converter.PayloadCodec {
				if ctx == nil {
					return codec
				}
				return codec.WithSerializationContext(ctx)
			}
			got, err := decode(in(tc.reader), encoded(t, in(tc.writer), p))
			if tc.refused {
				require.ErrorIs(t, err, ErrDamaged)
				require.ErrorContains(t, err, `it belongs to the workflow "1"`)
				return
			}
			require.NoError(t, err)
			requireSame(t, p, got)
		})
	}
}

func FuzzDecode(f *testing.F) {
	codec := keysOf(f, NewKey("a")).Codec()
	f.Add([]byte(encoding), []byte("a"), []byte("order-1"), encoded(f, codec, payload(f, canary)).Data)
	f.Add([]byte("json/plain"), []byte(""), []byte(""), []byte("{}"))
	f.Fuzz(func(t *testing.T, kind, key, workflow, data []byte) {
		p := &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: kind, metadataKeyID: key, metadataWorkflowID: workflow}, Data: data}
		if got, err := decode(codec, p); err == nil && string(kind) == encoding {
			t.Errorf("nobody wrote %v, but it is %v", p, got)
		}
	})
}

// A status of 2 KB is about the largest payload that an order has.
func BenchmarkStatus(b *testing.B) {
	codec := keysOf(b, NewKey("a")).Codec()
	status := payload(b, strings.Repeat("x", 2000))
	secret := encoded(b, codec, status)
	for name, do := range map[string]func() ([]*commonpb.Payload, error){
		"encode": func() ([]*commonpb.Payload, error) { return codec.Encode([]*commonpb.Payload{status}) },
		"decode": func() ([]*commonpb.Payload, error) { return codec.Decode([]*commonpb.Payload{secret}) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(status.Data)))
			for b.Loop() {
				if _, err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
