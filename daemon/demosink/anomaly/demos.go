package anomaly

import (
	"math/bits"
	"sync"
)

// measured are the shares, in percent, of the bytes that stand out in demos of
// Team Fortress 2: zeros, and small numbers wherever their bits came to lie.
var measured = map[byte]float64{
	0x00: 18.99, 0x01: 1.95, 0x80: 1.67, 0x02: 1.63, 0x40: 1.40, 0x04: 1.23, 0x20: 1.22, 0x08: 1.12, 0xC0: 1.04, 0x10: 1.02,
	0xD3: 0.136,
}

// Demos returns the model of TF2 demos. It is made once.
var Demos = sync.OnceValue(func() *Model {
	var shares [256]float64
	rest, weights := 100.0, 0.0
	for _, percent := range measured {
		rest -= percent
	}
	for b := range shares {
		if _, ok := measured[byte(b)]; !ok {
			weights += fewBits(byte(b))
		}
	}
	for b := range shares {
		percent, ok := measured[byte(b)]
		if !ok {
			percent = rest * fewBits(byte(b)) / weights
		}
		shares[b] = percent / 100
	}
	return FromBytes(&shares)
})

// fewBits weighs the bytes that were not measured one by one: the fewer bits
// are set, the more often a byte is met.
func fewBits(b byte) float64 {
	return [...]float64{0, 6, 3, 2, 1.5, 1.2, 1.2, 1.4, 2.5}[bits.OnesCount8(b)]
}
