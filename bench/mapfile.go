package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// mapFile is size bytes of what a map of a Source game is made of: entities
// as text, coordinates, light, visibility, and textures that were compressed
// before. The same seed gives the same bytes in every run.
func mapFile(size int, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 40))
	const part = 1 << 20
	b := make([]byte, 0, size+part)
	for len(b) < size {
		end := len(b) + part
		kind := random.IntN(20)
		switch {
		case kind < 5:
			b = entities(b, end, random)
		case kind < 11:
			b = coordinates(b, end, random)
		case kind < 16:
			b = light(b, end, random)
		case kind < 18:
			b = visibility(b, end, random)
		default:
			b = textures(b, end, random)
		}
	}
	return b[:size]
}

func entities(b []byte, end int, random *rand.Rand) []byte {
	classes := []string{"prop_static", "light_spot", "info_player_teamspawn", "func_brush", "env_sprite", "trigger_multiple"}
	for len(b) < end {
		b = fmt.Appendf(b, "{\n\"origin\" \"%d %d %d\"\n\"angles\" \"0 %d 0\"\n\"classname\" \"%s\"\n\"targetname\" \"n%d\"\n\"hammerid\" \"%d\"\n}\n",
			random.IntN(8192)-4096, random.IntN(8192)-4096, random.IntN(64)*16, random.IntN(24)*15,
			classes[random.IntN(len(classes))], random.IntN(500), random.IntN(1_000_000))
	}
	return b
}

// coordinates are planes and vertices on a grid, with a reference to others.
func coordinates(b []byte, end int, random *rand.Rand) []byte {
	for index := uint32(random.IntN(1000)); len(b) < end; index++ {
		for range 3 {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(random.IntN(1024)-512)*8))
		}
		b = binary.LittleEndian.AppendUint32(b, index)
	}
	return b
}

// light changes little from one point to the next.
func light(b []byte, end int, random *rand.Rand) []byte {
	level := 128
	for len(b) < end {
		level = min(max(level+random.IntN(7)-3, 0), 255)
		b = append(b, byte(level), byte(level*7/8), byte(level*3/4), 0xff)
	}
	return b
}

// visibility is mostly nothing.
func visibility(b []byte, end int, random *rand.Rand) []byte {
	for len(b) < end {
		b = append(b, make([]byte, random.IntN(60))...)
		b = append(b, byte(1<<random.IntN(8)), byte(random.IntN(256)))
	}
	return b
}

func textures(b []byte, end int, random *rand.Rand) []byte {
	for len(b) < end {
		b = binary.LittleEndian.AppendUint64(b, random.Uint64())
	}
	return b
}
