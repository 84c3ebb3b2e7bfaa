package crm_test

import (
	"database/sql"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/crm"
	"ordertrace/systems/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func start(t *testing.T, dsn string) (*crm.System, *api.Client) {
	t.Helper()
	s, err := crm.New(t.Context(), crm.Config{DSN: dsn})
	require.NoError(t, err)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, s.Close())
	})
	return s, api.NewClient(server.URL)
}

func record(t *testing.T, c *api.Client, stage lifecycle.Stage, visit int, in api.StageRequest) error {
	t.Helper()
	_, err := c.Record(t.Context(), "o", stage, api.Key("o", stage, visit), in, 0)
	return err
}

func TestADealIsConfirmedAtItsPriceAndClosed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		s, client := start(t, dsn)
		price := &lifecycle.Money{Amount: 1999, Currency: "EUR"}
		require.NoError(t, record(t, client, lifecycle.ManufacturingApproved, 1,
			api.StageRequest{By: "manager-1", Facts: lifecycle.Facts{Price: price}}))
		require.NoError(t, record(t, client, lifecycle.Closed, 1, api.StageRequest{By: "carrier", Reason: "delivered"}))

		var (
			got                  lifecycle.Money
			approved, by, reason string
			closed               sql.NullTime
		)
		require.NoError(t, s.DB().QueryRow(`SELECT price, currency, approved_by, closed_by, close_reason, closed_at FROM deals WHERE order_id = 'o'`).
			Scan(&got.Amount, &got.Currency, &approved, &by, &reason, &closed))
		require.Equal(t, *price, got)
		require.Equal(t, []string{"manager-1", "carrier", "delivered"}, []string{approved, by, reason})
		require.True(t, closed.Valid)

		order, err := client.Order(t.Context(), "o")
		require.NoError(t, err)
		require.Equal(t, []string{"closed", "carrier", "delivered"}, []string{string(order.Outcome), order.By, order.Reason})
		require.Equal(t, price, order.Facts.Price)
		require.NoError(t, client.Settle(t.Context(), "o", api.OutcomeRequest{Outcome: lifecycle.OutcomeClosed}), "the workflow may say so again")
		require.ErrorContains(t, record(t, client, lifecycle.Closed, 2, api.StageRequest{By: "manual"}), "has ended")
	})
}

func TestADealIsConfirmedAnewAtItsNewPriceAndWithdrawn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		s, client := start(t, dsn)
		deal := func() (amount int64, approved string, withdrawn bool) {
			require.NoError(t, s.DB().QueryRow(`SELECT price, approved_by, withdrawn_at IS NOT NULL FROM deals WHERE order_id = 'o'`).
				Scan(&amount, &approved, &withdrawn))
			return amount, approved, withdrawn
		}
		for visit, amount := range []int64{1999, 2500} {
			by := fmt.Sprintf("manager-%d", visit)
			require.NoError(t, record(t, client, lifecycle.ManufacturingApproved, visit+1,
				api.StageRequest{By: by, Facts: lifecycle.Facts{Price: &lifecycle.Money{Amount: amount, Currency: "EUR"}}}))
			price, approved, withdrawn := deal()
			require.Equal(t, amount, price)
			require.Equal(t, by, approved)
			require.False(t, withdrawn)
		}
		require.NoError(t, client.Undo(t.Context(), "o", lifecycle.Closed), "it never came so far")
		require.NoError(t, client.Undo(t.Context(), "o", lifecycle.ManufacturingApproved))
		price, _, withdrawn := deal()
		require.True(t, withdrawn)
		require.EqualValues(t, 2500, price, "what was agreed is not forgotten")
	})
}

func TestADealWithoutASensiblePriceIsRefused(t *testing.T) {
	for name, price := range map[string]*lifecycle.Money{
		"none":        nil,
		"nothing":     {Amount: 0, Currency: "EUR"},
		"below zero":  {Amount: -1, Currency: "EUR"},
		"no currency": {Amount: 1999},
		"in words":    {Amount: 1999, Currency: "euro"},
	} {
		t.Run(name, func(t *testing.T) {
			_, client := start(t, storetest.SQLite(t))
			err := record(t, client, lifecycle.ManufacturingApproved, 1, api.StageRequest{Facts: lifecycle.Facts{Price: price}})
			var e *lifecycle.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, []string{string(lifecycle.FixInput), "price"}, []string{string(e.Remedy), e.Field})
			_, err = client.Order(t.Context(), "o")
			require.ErrorAs(t, err, &e)
			require.Equal(t, lifecycle.CodeNotFound, e.Code, "no order was opened")
		})
	}
}
