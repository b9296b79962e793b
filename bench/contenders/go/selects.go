package main

import "fmt"

// Each producer sends on a channel of its own; one consumer selects over all. Go's select names its cases in the text, so
// there is a loop for each number of channels.
func selectReceive(j job) (reply, error) {
	channels := makeChannels(j)
	consume, err := selectingConsumer(channels)
	if err != nil {
		return reply{}, err
	}
	return race(j, func(from, count int) {
		own := channels[from/count]
		for value := from; value < from+count; value++ {
			own <- float64(value)
		}
	}, consume), nil
}

// Producers and consumers select over the same channels.
func selectBoth(j job) (reply, error) {
	channels := makeChannels(j)
	consume, err := selectingConsumer(channels)
	if err != nil {
		return reply{}, err
	}
	if len(channels) != 4 {
		return reply{}, fmt.Errorf("no select of %d sends", len(channels))
	}
	c0, c1, c2, c3 := channels[0], channels[1], channels[2], channels[3]
	return race(j, func(from, count int) {
		for value := from; value < from+count; value++ {
			message := float64(value)
			select {
			case c0 <- message:
			case c1 <- message:
			case c2 <- message:
			case c3 <- message:
			}
		}
	}, consume), nil
}

// Every message is received by a select whose other case is never ready.
func selectQuiet(j job) reply {
	busy, quiet := make(chan float64, j.capacity), make(chan float64, j.capacity)
	return race(j, func(from, count int) {
		for value := from; value < from+count; value++ {
			busy <- float64(value)
		}
	}, func(count int) float64 {
		return receiveFromTwo(busy, quiet, count)
	})
}

func selectingConsumer(channels []chan float64) (func(count int) float64, error) {
	switch len(channels) {
	case 2:
		return func(count int) float64 {
			return receiveFromTwo(channels[0], channels[1], count)
		}, nil
	case 4:
		return func(count int) float64 {
			return receiveFromFour(channels[0], channels[1], channels[2], channels[3], count)
		}, nil
	}
	return nil, fmt.Errorf("no select of %d receives", len(channels))
}

func makeChannels(j job) []chan float64 {
	channels := make([]chan float64, j.producers)
	for at := range channels {
		channels[at] = make(chan float64, j.capacity)
	}
	return channels
}

func receiveFromTwo(c0, c1 <-chan float64, count int) float64 {
	sum := 0.0
	for left := count; left > 0; left-- {
		select {
		case value := <-c0:
			sum += value
		case value := <-c1:
			sum += value
		}
	}
	return sum
}

func receiveFromFour(c0, c1, c2, c3 <-chan float64, count int) float64 {
	sum := 0.0
	for left := count; left > 0; left-- {
		select {
		case value := <-c0:
			sum += value
		case value := <-c1:
			sum += value
		case value := <-c2:
			sum += value
		case value := <-c3:
			sum += value
		}
	}
	return sum
}
