package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// visits is all that was recorded of an order, as one query saw it.
type visits []visit

// visit is one time that an order came to a stage.
type visit struct {
	key    string
	stage  lifecycle.Stage
	number int64
	answer []byte // JSON
	undone bool
}

func passed(ctx context.Context, db querier, order string) (visits, error) {
	rows, err := db.QueryContext(ctx, `SELECT idempotency_key, stage, visit, answer, undone_at IS NOT NULL FROM stages WHERE order_id = $1`, order)
	if err != nil {
		return nil, fmt.Errorf("list visits: %w", err)
	}
	return collect(rows, func(rows *sql.Rows) (v visit, err error) {
		err = rows.Scan(&v.key, &v.stage, &v.number, &v.answer, &v.undone)
		return v, err
	})
}

// last is the number of the last visit to a stage, 0 if there was none.
func (vs visits) last(stage lifecycle.Stage) (number int64) {
	for _, v := range vs {
		if v.stage == stage {
			number = max(number, v.number)
		}
	}
	return number
}

// stands tells whether a stage was recorded and not taken back.
func (vs visits) stands(stage lifecycle.Stage) bool {
	return slices.ContainsFunc(vs, func(v visit) bool { return v.stage == stage && !v.undone })
}

// answer is what was answered under a key, with Done false if nothing was. It
// fails with conflict for what was taken back: to say the same again would be to
// say that it stands.
func (vs visits) answer(key string) (answer api.StageAnswer, err error) {
	i := slices.IndexFunc(vs, func(v visit) bool { return v.key == key })
	if i < 0 {
		return answer, nil
	}
	if vs[i].undone {
		return answer, conflict("%s was taken back", key)
	}
	answer.Done = true
	return answer, json.Unmarshal(vs[i].answer, &answer)
}
