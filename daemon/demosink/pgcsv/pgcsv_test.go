package pgcsv

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"
)

// The rows were written by PostgreSQL 15.
func TestRows(t *testing.T) {
	const want = `steam_id,demo_name,active,start_time,end_time,steam_api_data,ingested,demo_size,late_bytes,markov_score
76561197960287930,"a,""b"".dem",f,2024-06-02 10:11:12.131415+00,2024-06-02 10:41:12+00,,t,1234567,\x7031cf44a7af0100cea70100f5e00400,5.504555168670354e-05
,"",f,2024-06-02 10:11:12.1314+00,,,f,-1,\x,NaN
`
	var out bytes.Buffer
	w := New(&out)
	if err := w.Header("steam_id", "demo_name", "active", "start_time", "end_time", "steam_api_data", "ingested", "demo_size",
		"late_bytes", "markov_score"); err != nil {
		t.Fatal(err)
	}
	w.Text("76561197960287930")
	w.Text(`a,"b".dem`)
	w.Bool(false)
	w.Time(time.Date(2024, 6, 2, 10, 11, 12, 131415999, time.UTC))
	w.Time(time.Date(2024, 6, 2, 12, 41, 12, 0, time.FixedZone("", 7200)))
	w.Null()
	w.Bool(true)
	w.Int(1234567)
	w.Bytes([]byte("\x70\x31\xcf\x44\xa7\xaf\x01\x00\xce\xa7\x01\x00\xf5\xe0\x04\x00"))
	w.Float(5.504555168670354e-05)
	if err := w.EndRow(); err != nil {
		t.Fatal(err)
	}
	w.Null()
	w.Text("")
	w.Bool(false)
	w.Time(time.Date(2024, 6, 2, 10, 11, 12, 131400000, time.UTC))
	w.Time(time.Time{})
	w.Bytes(nil)
	w.Bool(false)
	w.Int(-1)
	w.Bytes([]byte{})
	w.Float(math.NaN())
	if err := w.EndRow(); err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out.String(), want)
	}
}

func TestFloats(t *testing.T) {
	for want, f := range map[string]float64{
		"0\n": 0, "1\n": 1, "0.0001\n": 1e-4, "9.99e-05\n": 9.99e-5, "1e+15\n": 1e15, "123456789012345\n": 123456789012345,
		"-0.5\n": -0.5, "Infinity\n": math.Inf(1), "-Infinity\n": math.Inf(-1), "1e-300\n": 1e-300, "0.1\n": 0.1,
	} {
		var out bytes.Buffer
		w := New(&out)
		w.Float(f)
		if err := w.EndRow(); err != nil || out.String() != want {
			t.Errorf("%v is written %q", f, out.String())
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestError(t *testing.T) {
	w := New(full{})
	w.Int(1)
	for range 2 {
		if w.EndRow() == nil {
			t.Error("the error is lost")
		}
	}
}
