package encryption

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

func TestValuesComeBackAsTheyWere(t *testing.T) {
	keys := keysOf(t, NewKey("a"))
	for name, c := range map[string]Converters{"client": keys.ForClient(), "worker": keys.ForWorker()} {
		t.Run(name, func(t *testing.T) {
			all, err := c.Data.ToPayloads(canary, nil, 7)
			require.NoError(t, err)
			require.NotContains(t, all.String(), canary)
			var text string
			var nothing *string
			var number int
			require.NoError(t, keys.ForWorker().Data.FromPayloads(all, &text, &nothing, &number))
			require.Equal(t, []any{canary, (*string)(nil), 7}, []any{text, nothing, number})

			one, err := c.Data.ToPayload(canary)
			require.NoError(t, err)
			require.NoError(t, keys.ForClient().Data.FromPayload(one, &text))
			require.Equal(t, canary, text)
			require.Equal(t, `"`+canary+`"`, c.Data.ToString(one))
		})
	}
}

// A workflow that takes a signal as it came gets it decrypted.
func TestRawValuesAreDecrypted(t *testing.T) {
	c := keysOf(t, NewKey("a")).ForWorker().Data
	sent, err := c.ToPayloads(map[string]string{"reason": canary})
	require.NoError(t, err)
	var raw converter.RawValue
	require.NoError(t, c.FromPayloads(sent, &raw))
	require.JSONEq(t, `{"reason":"`+canary+`"}`, string(raw.Payload().GetData()))

	again, err := c.ToPayload(raw)
	require.NoError(t, err)
	require.NotContains(t, again.String(), canary)
	var back map[string]string
	require.NoError(t, c.FromPayload(again, &back))
	require.Equal(t, map[string]string{"reason": canary}, back)
}

// failed is an error as it comes from an activity, with the canary in all that
// one may put into it.
func failed() error {
	return temporal.NewApplicationErrorWithOptions("no such file: "+canary, "fix_input", temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{map[string]string{"detail": canary}},
		Cause: errors.New("caused by " + canary),
	})
}

func TestFailuresAreEncrypted(t *testing.T) {
	keys := keysOf(t, NewKey("a"))
	failure := keys.ForWorker().Failure.ErrorToFailure(failed())
	require.NotContains(t, failure.String(), canary)
	require.Equal(t, "Encoded failure", failure.Message)
	require.Equal(t, "fix_input", failure.GetApplicationFailureInfo().GetType(), "Temporal must know what not to retry")
	require.True(t, failure.GetApplicationFailureInfo().GetNonRetryable())

	var app *temporal.ApplicationError
	require.ErrorAs(t, keys.ForClient().Failure.FailureToError(failure), &app)
	require.Equal(t, "no such file: "+canary, app.Message())
	var details map[string]string
	require.NoError(t, app.Details(&details))
	require.Equal(t, map[string]string{"detail": canary}, details)
	require.EqualError(t, errors.Unwrap(app), "caused by "+canary)
}

func TestFailuresOfBeforeAreRead(t *testing.T) {
	plain := Keys{}.ForWorker().Failure.ErrorToFailure(failed())
	require.Equal(t, "no such file: "+canary, plain.Message, "without keys they stay plain")
	var app *temporal.ApplicationError
	require.ErrorAs(t, keysOf(t, NewKey("a")).ForWorker().Failure.FailureToError(plain), &app)
	require.Equal(t, "no such file: "+canary, app.Message())
}

// A workflow must not take what cannot be decrypted for its own failure: it stops,
// and goes on where there is the key. All others are told.
func TestOnlyWorkflowsStopAtWhatCannotBeDecrypted(t *testing.T) {
	writer := keysOf(t, NewKey("a")).ForClient()
	unknown, err := writer.Data.ToPayload(canary)
	require.NoError(t, err)
	line := NewKey("b")
	damaged, err := keysOf(t, line).ForClient().Data.ToPayload(canary)
	require.NoError(t, err)
	damaged.Data[20] ^= 1
	reader := keysOf(t, line)
	workflow := converter.WorkflowSerializationContext{WorkflowID: "1"}
	activity := converter.ActivitySerializationContext{WorkflowID: "1"}
	for name, tc := range map[string]struct {
		data  converter.DataConverter
		stops bool
	}{
		"a workflow's code":    {inWorkflow(converter.WithDataConverterSerializationContext(reader.ForWorker().Data, workflow)), true},
		"a workflow's history": {converter.WithDataConverterSerializationContext(reader.ForWorker().Data, workflow), true},
		"an activity's result": {converter.WithDataConverterSerializationContext(inWorkflow(reader.ForWorker().Data), activity), true},
		"an activity's input":  {inContext(t, converter.WithDataConverterSerializationContext(reader.ForWorker().Data, activity)), false},
		"a call of a worker's": {converter.WithDataConverterSerializationContext(inContext(t, reader.ForWorker().Data), workflow), false},
		"a client's call":      {inContext(t, reader.ForClient().Data), false},
		"a client's answer":    {converter.WithDataConverterSerializationContext(reader.ForClient().Data, workflow), false},
	} {
		for kind, p := range map[string]*commonpb.Payload{"unknown key": unknown, "damaged": damaged} {
			t.Run(name+": "+kind, func(t *testing.T) {
				var to string
				one := func() error { return tc.data.FromPayload(p, &to) }
				all := func() error { return tc.data.FromPayloads(&commonpb.Payloads{Payloads: []*commonpb.Payload{p}}, &to) }
				for _, read := range []func() error{one, all} {
					if tc.stops {
						require.Panics(t, func() { _ = read() })
					} else {
						require.Error(t, read())
					}
				}
			})
		}
	}
}

func inWorkflow(d converter.DataConverter) converter.DataConverter {
	return d.(converter.ContextAware).WithWorkflowContext(nil)
}

func inContext(t *testing.T, d converter.DataConverter) converter.DataConverter {
	return d.(converter.ContextAware).WithContext(t.Context())
}

// What is wrong with a value itself, such as a signal of another shape, is an
// error as ever.
func TestWorkflowsDoNotStopAtOtherErrors(t *testing.T) {
	c := inWorkflow(keysOf(t, NewKey("a")).ForWorker().Data)
	p, err := c.ToPayload(canary)
	require.NoError(t, err)
	var number int
	require.ErrorIs(t, c.FromPayload(p, &number), converter.ErrUnableToDecode)
}

// Words of a failure that a workflow cannot read must not read otherwise to
// another worker.
func TestWorkflowsStopAtFailuresOfUnknownKeys(t *testing.T) {
	failure := keysOf(t, NewKey("a")).ForWorker().Failure.ErrorToFailure(failed())
	reader := keysOf(t, NewKey("b"))
	require.PanicsWithError(t, (&UnknownKeyError{ID: "a"}).Error(), func() {
		_ = reader.ForWorker().Failure.FailureToError(proto.Clone(failure).(*failurepb.Failure))
	})
	require.ErrorContains(t, reader.ForClient().Failure.FailureToError(failure), "Encoded failure")
}
