package main

import (
	"fmt"
	"strings"
)

// Values that a number cannot carry. What is sent and how it is checked is that of bench/values/payload.ts: the sender has a source
// that it changes for each message, the receiver gets memory of its own.
func values(j job) (reply, error) {
	if j.style == "struct" {
		return structs(j), nil
	}
	var size int
	if _, err := fmt.Sscanf(j.style, "bytes-%d", &size); err != nil {
		return reply{}, fmt.Errorf("no values of %s", j.style)
	}
	return slices(j, size), nil
}

// 32 bytes, copied into the channel and out of it.
type order struct {
	id    uint32
	price float64
	side  uint8
	qty   uint32
	tag   [8]byte
}

var tags = [8]string{"AAPL.NAS", "MSFT.NAS", "SAP.XETR", "BMW.XETR", "NESN.SWX", "ASML.AMS", "TTE.EPAX", "HSBC.LSE"}

func structs(j job) reply {
	var stock [8][8]byte
	for at, tag := range tags {
		copy(stock[at][:], tag)
	}
	ch := make(chan order, j.capacity)
	return race(j, func(from, count int) {
		var source order
		for i := from; i < from+count; i++ {
			source.id = uint32(i)
			source.price = float64(i) * 0.25
			source.side = uint8(i & 1)
			source.qty = uint32(i ^ 0x5555)
			source.tag = stock[i&7]
			ch <- source
		}
	}, func(count int) float64 {
		sum := 0.0
		for i := 0; i < count; i++ {
			got := <-ch
			good := got.id == uint32(i) && got.price == float64(i)*0.25 && got.side == uint8(i&1)
			if !good || got.qty != uint32(i^0x5555) || got.tag != stock[i&7] {
				panic(fmt.Sprintf("message %d of a struct arrived as %v", i, got))
			}
			sum += float64(got.id)
		}
		return sum
	})
}

// A slice for each message: sending one hands over the array behind it, so the source is copied first.
func slices(j job, size int) reply {
	ch := make(chan []byte, j.capacity)
	return race(j, func(from, count int) {
		source := []byte(strings.Repeat(".", size))
		for i := from; i < from+count; i++ {
			source[0], source[1], source[2], source[3] = byte(i), byte(i>>8), byte(i>>16), byte(i>>24)
			source[size>>1] = byte(i * 7)
			source[size-1] = byte(i * 13)
			ch <- append([]byte(nil), source...)
		}
	}, func(count int) float64 {
		sum := 0.0
		for i := 0; i < count; i++ {
			got := <-ch
			number := int(got[0]) | int(got[1])<<8 | int(got[2])<<16 | int(got[3])<<24
			if len(got) != size || number != i || got[size>>1] != byte(i*7) || got[size-1] != byte(i*13) {
				panic(fmt.Sprintf("message %d of bytes arrived as %d", i, number))
			}
			sum += float64(number)
		}
		return sum
	})
}
