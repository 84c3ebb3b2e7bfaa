package encryption

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// An encrypted payload. Encoding and key ID are named as in Temporal's samples;
// the data is a nonce of 12 bytes, the ciphertext of the whole plain payload,
// its metadata included, and a tag of 16 bytes.
const (
	encoding           = "binary/encrypted"
	metadataKeyID      = "encryption-key-id"
	metadataWorkflowID = "encryption-workflow-id" // if it was known: whose payload it is
)

// UnknownKeyError is of a payload whose key is not among ours: it can be read
// where PAYLOAD_KEYS_FILE has that key.
type UnknownKeyError struct{ ID string }

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("a payload is encrypted with the key %.64q, which is not here: add it to PAYLOAD_KEYS_FILE", e.ID)
}

// ErrDamaged is of a payload that our key did not write so: it was changed, cut,
// or moved here from another workflow.
var ErrDamaged = errors.New("an encrypted payload is damaged")

// Codec encrypts payloads with the first key, and decrypts those that are
// encrypted. It leaves plain ones as they are: signals from the Temporal UI, and
// histories from before.
type Codec struct {
	keys     Keys
	workflow string // whose payloads these are; "": not known
}

var _ converter.PayloadCodecWithSerializationContext = (*Codec)(nil)

// Codec is the keys as a Temporal codec.
func (k Keys) Codec() *Codec { return &Codec{keys: k} }

// WithSerializationContext implements
// converter.PayloadCodecWithSerializationContext: payloads are bound to their
// workflow.
func (c *Codec) WithSerializationContext(ctx converter.SerializationContext) converter.PayloadCodec {
	switch ctx := ctx.(type) {
	case converter.WorkflowSerializationContext:
		return &Codec{c.keys, ctx.WorkflowID}
	case converter.ActivitySerializationContext:
		return &Codec{c.keys, ctx.WorkflowID}
	default:
		return c
	}
}

// Encode implements converter.PayloadCodec.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if !c.keys.Encrypt() {
		return payloads, nil
	}
	return each(payloads, c.encrypt)
}

// Decode implements converter.PayloadCodec. Its errors are an *UnknownKeyError
// and ErrDamaged.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.decrypt)
}

func each(payloads []*commonpb.Payload, do func(*commonpb.Payload) (*commonpb.Payload, error)) ([]*commonpb.Payload, error) {
	done := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if done[i], err = do(p); err != nil {
			return payloads, err
		}
	}
	return done, nil
}

func (c *Codec) encrypt(p *commonpb.Payload) (*commonpb.Payload, error) {
	plain, err := proto.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encrypt a payload: %w", err)
	}
	metadata := map[string][]byte{converter.MetadataEncoding: []byte(encoding), metadataKeyID: []byte(c.keys.first)}
	if c.workflow != "" {
		metadata[metadataWorkflowID] = []byte(c.workflow)
	}
	gcm := c.keys.known[c.keys.first]
	return &commonpb.Payload{Metadata: metadata, Data: gcm.Seal(nil, nil, plain, associated(metadata))}, nil
}

func (c *Codec) decrypt(p *commonpb.Payload) (*commonpb.Payload, error) {
	if string(p.GetMetadata()[converter.MetadataEncoding]) != encoding {
		return p, nil
	}
	gcm, err := c.keys.find(string(p.Metadata[metadataKeyID]))
	if err != nil {
		return nil, err
	}
	if owner, bound := p.Metadata[metadataWorkflowID]; bound && c.workflow != "" && string(owner) != c.workflow {
		return nil, fmt.Errorf("%w: it belongs to the workflow %.64q", ErrDamaged, owner)
	}
	plain, err := gcm.Open(nil, nil, p.Data, associated(p.Metadata))
	if err != nil {
		return nil, ErrDamaged // the library has no more to say
	}
	var inner commonpb.Payload
	if err := proto.Unmarshal(plain, &inner); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return &inner, nil
}

func (k Keys) find(id string) (cipher.AEAD, error) {
	if gcm, ok := k.known[id]; ok {
		return gcm, nil
	}
	return nil, &UnknownKeyError{ID: id}
}

// associated is what an encrypted payload says of itself in the clear. It is
// authenticated, so that nobody can say otherwise: lengths keep its parts apart.
func associated(metadata map[string][]byte) []byte {
	var b []byte
	for _, name := range []string{converter.MetadataEncoding, metadataKeyID, metadataWorkflowID} {
		b = binary.AppendUvarint(b, uint64(len(metadata[name])))
		b = append(b, metadata[name]...)
	}
	return b
}
