package encryption

import (
	"context"
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// Converters are what a Temporal client is given, for client.Options.
type Converters struct {
	Data    converter.DataConverter
	Failure converter.FailureConverter
}

// ForClient are the converters of who starts, asks and reads workflows. Without
// keys nothing is encrypted, but plain payloads are read, and others named.
func (k Keys) ForClient() Converters { return k.converters(false) }

// ForWorker are the converters of a worker's client. To a workflow, an error in
// reading its own history is an error like any other, and ends it; a signal that
// cannot be read is lost. So what cannot be decrypted panics there, which fails
// the workflow task alone: Temporal tries it again until some worker has the key.
// An activity gets an error that is retried. A call of such a client without a
// context of the caller's may panic too: give everybody else ForClient.
func (k Keys) ForWorker() Converters { return k.converters(true) }

func (k Keys) converters(halts bool) Converters {
	data := &dataConverter{
		DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), k.Codec()),
		halts:         halts,
	}
	return Converters{
		Data: data,
		Failure: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
			DataConverter:          data,
			EncodeCommonAttributes: k.Encrypt(),
		}),
	}
}

// dataConverter decides what happens where a payload cannot be decrypted.
type dataConverter struct {
	converter.DataConverter
	halts bool
}

var (
	_ converter.ContextAware                          = (*dataConverter)(nil)
	_ converter.DataConverterWithSerializationContext = (*dataConverter)(nil)
)

// WithWorkflowContext implements converter.ContextAware.
func (d *dataConverter) WithWorkflowContext(converter.WorkflowContext) converter.DataConverter {
	return d
}

// WithContext implements converter.ContextAware: activities and callers have
// contexts of this kind, and take errors.
func (d *dataConverter) WithContext(context.Context) converter.DataConverter {
	return &dataConverter{DataConverter: d.DataConverter}
}

// WithSerializationContext implements converter.DataConverterWithSerializationContext.
func (d *dataConverter) WithSerializationContext(ctx converter.SerializationContext) converter.DataConverter {
	return &dataConverter{DataConverter: converter.WithDataConverterSerializationContext(d.DataConverter, ctx), halts: d.halts}
}

// FromPayload implements converter.DataConverter.
func (d *dataConverter) FromPayload(p *commonpb.Payload, to any) error {
	return d.orHalt(d.DataConverter.FromPayload(p, to))
}

// FromPayloads implements converter.DataConverter.
func (d *dataConverter) FromPayloads(p *commonpb.Payloads, to ...any) error {
	return d.orHalt(d.DataConverter.FromPayloads(p, to...))
}

func (d *dataConverter) orHalt(err error) error {
	var unknown *UnknownKeyError
	if d.halts && (errors.As(err, &unknown) || errors.Is(err, ErrDamaged)) {
		panic(err)
	}
	return err
}
