import { ThreadWorker } from 'poolifier'
import { echo, work } from '../tasks.js'

export default new ThreadWorker<number, number>({
  echo: (value) => echo(value as number),
  work: (micros) => work(micros as number),
})
