package dbtest

import (
	"testing"
	"time"
)

func TestMadeBefore(t *testing.T) {
	now := time.Now()
	tests := []struct {
		name string
		at   time.Time
		want bool
	}{
		{newName("db"), now.Add(time.Minute), true},
		{newName("db"), now.Add(-time.Minute), false},
		{"qm_test_1_db_abc", now, true},
		{"qm_test_x_db_abc", now, false},
		{"qm_test_1", now, false},
		{"postgres", now, false},
		{"production_1_db", now, false},
	}
	for _, tt := range tests {
		if got := madeBefore(tt.name, tt.at); got != tt.want {
			t.Errorf("madeBefore(%q) = %v, want %v", tt.name, got, tt.want)
		}
	}
}
