package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

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
}

func passed(ctx context.Context, db querier, order string) (visits, error) {
	rows, err := db.QueryContext(ctx, `SELECT idempotency_key, stage, visit, answer FROM stages WHERE order_id = $1`, order)
	if err != nil {
		return nil, fmt.Errorf("list visits: %w", err)
	}
	return collect(rows, func(rows *sql.Rows) (v visit, err error) {
		err = rows.Scan(&v.key, &v.stage, &v.number, &v.answer)
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

// answer is what was answered under a key, with Done false if nothing was.
func (vs visits) answer(key string) (answer api.StageAnswer, err error) {
	for _, v := range vs {
		if v.key == key {
			answer.Done = true
			err = json.Unmarshal(v.answer, &answer)
		}
	}
	return answer, err
}
